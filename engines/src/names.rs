//! Names of resources in policies: which can ever match, and what the aliases stand for.

use crate::hosts;

/// The paths behind "~" and "@dir".
pub struct Aliases<'a> {
    pub home: &'a str,
    pub dir: &'a str,
}

/// The name that requests use for a mentioned resource, or why no request could ever have that name.
pub fn resolve(name: &str, aliases: &Aliases) -> Result<String, String> {
    if let Some(group) = name.strip_prefix("*/") {
        return match group {
            "" => Err("a name group needs a pattern after `*/`".into()),
            _ if group.contains('/') => {
                Err("a name group covers one path component: no further `/`".into())
            }
            _ => Ok(name.into()),
        };
    }
    if name.starts_with('*') {
        return hosts::wildcard(name).map(|()| name.into());
    }
    let absolute = match name.as_bytes().first() {
        Some(b'/') => name.to_string(),
        Some(b'~') => join(aliases.home, name, "~", "the home directory")?,
        Some(b'@') => join(aliases.dir, name, "@dir", "the directory of the run")?,
        None => return Err("an empty name".into()),
        _ => return host_or_tool(name).map(|()| name.into()),
    };
    if absolute.contains('*') {
        return Err(
            "`*` has no meaning in a path; use `\"*/PATTERN\"` or `resource.path like`".into()
        );
    }
    if absolute != "/" && absolute[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("a path without `.`, `..`, `//` or a trailing `/` is needed".into());
    }
    Ok(absolute)
}

/// What only the name of a host, a range of addresses, a socket or a tool can look like.
fn host_or_tool(name: &str) -> Result<(), String> {
    if let Some(socket) = name.strip_prefix("unix:") {
        return match socket.as_bytes().first() {
            Some(b'/' | b'@') => Ok(()),
            _ => Err("a socket is `unix:/PATH` or `unix:@NAME`".into()),
        };
    }
    if let Some(range) = hosts::range(name) {
        return range;
    }
    if name.starts_with(['.', '$']) || name.contains('/') {
        return Err(
            "a path begins with `/`, `~/`, `@dir/` or `*/`; hosts and tools have no `/`".into()
        );
    }
    Ok(())
}

fn join(base: &str, name: &str, alias: &str, what: &str) -> Result<String, String> {
    let rest = name.strip_prefix(alias).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let rest = rest.ok_or("an unknown alias (known: `~`, `@dir`)")?;
    if base.is_empty() {
        return Err(format!("`{alias}` stands for {what}, which is not known here"));
    }
    match (base, rest) {
        ("/", "") => Ok("/".into()),
        ("/", rest) => Ok(rest.into()),
        (base, rest) => Ok(format!("{base}{rest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIASES: Aliases = Aliases { home: "/home/u", dir: "/home/u/app" };

    #[test]
    fn aliases_stand_for_paths() {
        for (name, path) in [
            ("~", "/home/u"),
            ("~/.ssh", "/home/u/.ssh"),
            ("@dir", "/home/u/app"),
            ("@dir/a", "/home/u/app/a"),
            ("/", "/"),
            ("/srv/x", "/srv/x"),
            ("*/.env", "*/.env"),
            ("*.example.com", "*.example.com"),
            ("*.example.com:443", "*.example.com:443"),
            ("*.com", "*.com"),
            ("h:1", "h:1"),
            ("*:443", "*:443"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8:5432", "10.0.0.0/8:5432"),
            ("fd00::/8", "fd00::/8"),
            ("[fd00::/8]:443", "[fd00::/8]:443"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(resolve(name, &ALIASES).as_deref(), Ok(path));
        }
        assert_eq!(resolve("~/.ssh", &Aliases { home: "/", dir: "" }).as_deref(), Ok("/.ssh"));
        assert_eq!(resolve("~", &Aliases { home: "/", dir: "" }).as_deref(), Ok("/"));
    }

    #[test]
    fn names_that_could_never_match_are_refused() {
        for name in [
            "",
            "/a/",
            "/a//b",
            "/a/../b",
            "/./a",
            "~/",
            "~u/x",
            "@dirt",
            "@x",
            "*/",
            "*/a/b",
            "/home/*/.ssh",
            "~/../x",
            "*",
            "*example.com",
            "*:",
            "*:0",
            "*:https",
            "*:443:1",
            "*.",
            "*.Example.com",
            "*.b\u{fc}cher.example",
            "*.a b",
            "*.-a",
            "*.0x7f",
            "*.a.",
            "*.a..b",
            "*.*.a",
            "*.a/b",
            "*.0.0.1",
            "*.a:",
            "*.a:0",
            "*.a:0443",
            "*.a:65536",
            "*.a:*",
            ".env",
            "./secrets",
            "relative/x",
            "$HOME/.ssh",
            "https://api.example.com/",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/8:0",
            "010.0.0.0/8",
            "FD00::/8",
            "[fd00::/8]",
            "fd00::/8:443",
            "[10.0.0.0/8]:443",
            "file:///etc",
            "unix:relative",
        ] {
            assert!(resolve(name, &ALIASES).is_err(), "{name}");
        }
        assert!(resolve("~/x", &Aliases { home: "", dir: "/d" }).is_err());
    }
}
