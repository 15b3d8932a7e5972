//! Names of resources in policies: which can ever match, and what the aliases stand for.

use std::net::{Ipv4Addr, Ipv6Addr};

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
        return domain(name).map(|()| name.into());
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

/// What only the name of a host, a socket or a tool can look like.
fn host_or_tool(name: &str) -> Result<(), String> {
    if let Some(socket) = name.strip_prefix("unix:") {
        return match socket.as_bytes().first() {
            Some(b'/' | b'@') => Ok(()),
            _ => Err("a socket is `unix:/PATH` or `unix:@NAME`".into()),
        };
    }
    if name.starts_with(['.', '$']) || name.contains('/') {
        return Err(
            "a path begins with `/`, `~/`, `@dir/` or `*/`; hosts and tools have no `/`".into()
        );
    }
    Ok(())
}

/// Whether a connection could have this name: "HOST", "HOST:PORT", "[V6]:PORT", "*.DOMAIN", a
/// socket. `name` passed `resolve`.
pub fn check_peer(name: &str) -> Result<(), String> {
    const WANTED: &str = "a host, `HOST:PORT`, `[V6]:PORT`, `*.DOMAIN` or `unix:/PATH` is needed";
    if name.starts_with("*.") || name.starts_with("unix:") {
        return Ok(());
    }
    let (host, port) = match name.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, rest))) => {
            address.parse::<Ipv6Addr>().map_err(|_| WANTED)?;
            match rest {
                "" => return Ok(()),
                _ => ("", Some(rest.strip_prefix(':').ok_or(WANTED)?)),
            }
        }
        Some(None) => return Err(WANTED.into()),
        None if name.parse::<Ipv6Addr>().is_ok() => return Ok(()),
        None => name.split_once(':').map_or((name, None), |(host, port)| (host, Some(port))),
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Err(PORT.into());
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|c| c.is_ascii_graphic() && !b"*/@%".contains(&c))
    };
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = !last.is_empty() && last.bytes().all(|c| c.is_ascii_digit());
    let is_host = host.split('.').all(is_label) && (!numeric || host.parse::<Ipv4Addr>().is_ok());
    match name.starts_with('[') || (is_host && host == host.to_ascii_lowercase()) {
        true => Ok(()),
        false => Err(WANTED.into()),
    }
}

const PORT: &str = "a port from 1 to 65535 is needed behind `:`";

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == port)
}

/// "*.DOMAIN" or "*.DOMAIN:PORT", as the name system and requests write them.
fn domain(name: &str) -> Result<(), String> {
    let rest = name.strip_prefix("*.").ok_or(
        "`*` begins a name group (`*/PATTERN`) or stands for the hosts of a domain (`*.DOMAIN`)",
    )?;
    let (domain, port) = match rest.split_once(':') {
        Some((domain, port)) => (domain, Some(port)),
        None => (rest, None),
    };
    let is_label = |label: &str| !label.is_empty() && !label.contains(['*', '/', '@']);
    let last = domain.rsplit('.').next().unwrap_or("");
    if !domain.split('.').all(is_label) || last.bytes().all(|c| c.is_ascii_digit()) {
        return Err("a domain is needed behind `*.`".into());
    }
    match port {
        Some(port) if !is_port(port) => Err(PORT.into()),
        _ => Ok(()),
    }
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
            "*:443",
            "*.",
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
            "10.0.0.0/8",
            "file:///etc",
            "unix:relative",
        ] {
            assert!(resolve(name, &ALIASES).is_err(), "{name}");
        }
        assert!(resolve("~/x", &Aliases { home: "", dir: "/d" }).is_err());
    }
    #[test]
    fn peers_are_hosts_and_sockets() {
        for name in [
            "h",
            "h:1",
            "a.example.com:443",
            "localhost",
            "10.1.2.3",
            "10.1.2.3:65535",
            "::1",
            "[::1]",
            "[::1]:80",
            "*.a.org",
            "unix:/run/x",
            "unix:@x",
            "xn--bcher-kva.example",
            "a_b.c",
        ] {
            assert_eq!(check_peer(name), Ok(()), "{name}");
        }
        for name in [
            "localhost:*",
            "h:https",
            "h:0",
            "h:080",
            "a.com:99999",
            "999.1.1.1",
            "1.2.3",
            "[::1",
            "[::1]x",
            "[h]:1",
            "a..b",
            "a.",
            "A.example.com",
            "a b",
            "h:1:2",
            "",
        ] {
            assert!(check_peer(name).is_err(), "{name}");
        }
    }
}
