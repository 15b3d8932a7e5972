//! Names of hosts in policies: those that connections have, in the one form that they are written in.

use std::net::{Ipv4Addr, Ipv6Addr};

const WANTED: &str = "a host, `HOST:PORT`, `[V6]:PORT`, `*.DOMAIN`, `*:PORT`, a range \
                      (`10.0.0.0/8`) or `unix:/PATH` is needed";
const PORT: &str = "a port from 1 to 65535 is needed behind `:`";
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Whether a connection could have this name. `name` passed `names::resolve`.
pub fn check_peer(name: &str) -> Result<(), String> {
    if name.starts_with('*') || name.starts_with("unix:") || range(name).is_some() {
        return Ok(());
    }
    if let Some(address) = six(name) {
        return spelled(name, address);
    }
    if let Some(rest) = name.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']').ok_or(WANTED)?;
        let host = six(inner).ok_or(WANTED)?;
        return match rest.strip_prefix(':') {
            Some(port) => check_port(port).and_then(|()| spelled(name, with_port(&host, port))),
            None if rest.is_empty() => spelled(name, host),
            None => Err(WANTED.into()),
        };
    }
    let (host, port) = match name.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (name, None),
    };
    port.map_or(Ok(()), check_port)?;
    let canonical = match four(host) {
        Some(address) => address.to_string(),
        None => canonical_name(host)?,
    };
    spelled(name, port.map_or(canonical.clone(), |port| with_port(&canonical, port)))
}

/// Whether a name is an address that is written otherwise than requests write it: in any policy that
/// could be about connections it would match nothing.
pub fn check_address(name: &str) -> Result<(), String> {
    let host = match name.split_once(':') {
        Some((host, port)) if check_port(port).is_ok() => host,
        _ => name,
    };
    let is_four = host.contains('.') && four(host).is_some();
    let is_six = six(name).is_some() || (name.starts_with('[') && name.contains("]"));
    match is_four || is_six {
        true => check_peer(name),
        false => Ok(()),
    }
}

/// "*:PORT", "*.DOMAIN" or "*.DOMAIN:PORT", as the name system and requests write them.
pub fn wildcard(name: &str) -> Result<(), String> {
    if let Some(port) = name.strip_prefix("*:") {
        return check_port(port);
    }
    let rest = name.strip_prefix("*.").ok_or(
        "`*` begins a name group (`*/PATTERN`), or stands for the hosts of a domain (`*.DOMAIN`) or \
         for all that have names (`*:PORT`)",
    )?;
    let (domain, port) = match rest.split_once(':') {
        Some((domain, port)) => (domain, Some(port)),
        None => (rest, None),
    };
    let canonical =
        canonical_name(domain).map_err(|why| format!("a domain is needed behind `*.`: {why}"))?;
    port.map_or(Ok(()), check_port)?;
    let canonical = format!("*.{canonical}");
    spelled(name, port.map_or(canonical.clone(), |port| with_port(&canonical, port)))
}

/// Whether a range of addresses, "V4/N", "V4/N:PORT", "V6/N" or "[V6/N]:PORT", is well formed. None
/// for what is no range.
pub fn range(name: &str) -> Option<Result<(), String>> {
    let (address, rest) = name.split_once('/')?;
    let (base, bracket) = match address.strip_prefix('[') {
        Some(base) => (base, true),
        None => (address, false),
    };
    let value = match (bracket, four(base), base.parse::<Ipv6Addr>()) {
        (false, Some(four), _) => Value { bits: u32::from(four).into(), six: false },
        (_, _, Ok(six)) => Value { bits: six.into(), six: true },
        _ => return None,
    };
    Some(check_range(name, value, rest, bracket))
}

/// An address as a number.
struct Value {
    bits: u128,
    six: bool,
}

fn check_range(name: &str, value: Value, rest: &str, bracket: bool) -> Result<(), String> {
    const FORM: &str =
        "a range is `10.0.0.0/8`, `10.0.0.0/8:PORT`, `fd00::/8` or `[fd00::/8]:PORT`";
    let (length, port) = match (value.six, bracket) {
        (false, _) => rest.split_once(':').map_or((rest, None), |(n, port)| (n, Some(port))),
        (true, false) => (rest, None),
        (true, true) => rest.split_once("]:").map(|(n, port)| (n, Some(port))).ok_or(FORM)?,
    };
    let width = if value.six { 128 } else { 32 };
    let length: u32 = length
        .parse()
        .ok()
        .filter(|n: &u32| *n <= width && n.to_string() == length)
        .ok_or_else(|| format!("{FORM}, with up to {width} bits behind `/`"))?;
    port.map_or(Ok(()), check_port)?;
    let canonical = canonical_range(&value, width, length);
    let form = match port {
        Some(port) if canonical.contains(':') => format!("[{canonical}]:{port}"),
        Some(port) => format!("{canonical}:{port}"),
        None => canonical,
    };
    spelled(name, form)
}

/// The network's own address, and the range of IPv4 behind its form in IPv6.
fn canonical_range(value: &Value, width: u32, length: u32) -> String {
    let below = width - length;
    let network = if below == 128 { 0 } else { value.bits >> below << below };
    if !value.six {
        return format!("{}/{length}", Ipv4Addr::from(network as u32));
    }
    match (Ipv6Addr::from(network).to_ipv4_mapped(), length) {
        (Some(four), 96..) => format!("{four}/{}", length - 96),
        _ => format!("{}/{length}", six_text(Ipv6Addr::from(network))),
    }
}

/// The canonical text of an IPv6 address, that of IPv4 where it stands for one.
fn six(text: &str) -> Option<String> {
    let address: Ipv6Addr = text.parse().ok()?;
    Some(address.to_ipv4_mapped().map_or_else(|| six_text(address), |four| four.to_string()))
}

/// As inet_ntop(3) writes it, which names the peers of connections: ::1.2.3.4 keeps its dots.
fn six_text(address: Ipv6Addr) -> String {
    let groups = address.segments();
    if groups[..6] == [0; 6] && groups[6] != 0 {
        let [.., a, b, c, d] = address.octets();
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    address.to_string()
}

/// An IPv4 address in any notation that a resolver or a browser takes.
fn four(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let (last, head) = parts.split_last().filter(|(_, head)| head.len() < 4)?;
    let mut value = 0;
    for (place, part) in head.iter().enumerate() {
        value |= number(part).filter(|n| *n < 256)? << (8 * (3 - place));
    }
    let last = number(last).filter(|n| *n <= u64::from(u32::MAX) >> (8 * head.len()))?;
    u32::try_from(value | last).ok().map(Ipv4Addr::from)
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some("") => ("0", 16),
        Some(hex) => (hex, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    let plain = digits.bytes().all(|c| c.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// The name in lower case, without a dot at its end.
fn canonical_name(name: &str) -> Result<String, String> {
    if !name.is_ascii() {
        return Err("names in other scripts are written as their A-labels (`xn--...`)".into());
    }
    let lower = name.to_ascii_lowercase();
    let canonical = lower.strip_suffix('.').unwrap_or(&lower);
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(is_plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = canonical.rsplit('.').next().unwrap_or("");
    let hex = last.strip_prefix("0x").is_some_and(|x| x.bytes().all(|c| c.is_ascii_hexdigit()));
    let numeric = hex || last.bytes().all(|c| c.is_ascii_digit());
    match canonical.split('.').all(is_label) && !numeric && canonical.len() <= MAX_NAME {
        true => Ok(canonical.into()),
        false => Err(WANTED.into()),
    }
}

fn with_port(host: &str, port: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn check_port(port: &str) -> Result<(), String> {
    match port.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == port) {
        true => Ok(()),
        false => Err(PORT.into()),
    }
}

/// Whether a name stands as requests write it.
fn spelled(name: &str, canonical: String) -> Result<(), String> {
    match name == canonical {
        true => Ok(()),
        false => Err(format!("requests write it `{canonical}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "::1.2.3.4",
            "[::1]:80",
            "*.a.org",
            "*:443",
            "10.0.0.0/8",
            "[fd00::/8]:443",
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
            "1.2.3.4.5",
            "[::1",
            "[::1]x",
            "[h]:1",
            "a..b",
            "a b",
            "-a",
            "a.-",
            "a.0x1f",
            "b\u{fc}cher.example",
            "h:1:2",
            "",
        ] {
            assert!(check_peer(name).is_err(), "{name}");
        }
    }

    #[test]
    fn other_spellings_are_told_the_right_one() {
        for (name, right) in [
            ("A.example.com", "a.example.com"),
            ("a.", "a"),
            ("A.Example.com.:443", "a.example.com:443"),
            ("010.0.0.1", "8.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1:80", "127.0.0.1:80"),
            ("1.2.3", "1.2.0.3"),
            ("::FFFF:1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:80", "1.2.3.4:80"),
            ("[::1]", "::1"),
            ("2001:DB8::0:1", "2001:db8::1"),
            ("[2001:DB8::1]:80", "[2001:db8::1]:80"),
            ("::102:304", "::1.2.3.4"),
        ] {
            assert_eq!(check_peer(name), Err(format!("requests write it `{right}`")), "{name}");
        }
        for (name, right) in [("*.Example.com", "*.example.com"), ("*.a.:443", "*.a:443")] {
            assert_eq!(wildcard(name), Err(format!("requests write it `{right}`")), "{name}");
        }
        for (name, right) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3/0:443", "0.0.0.0/0:443"),
            ("012.0.0.0/8", "10.0.0.0/8"),
            ("fd00::1/8", "fd00::/8"),
            ("fd00::1/0", "::/0"),
            ("[FD00::/8]:443", "[fd00::/8]:443"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("[::ffff:10.0.0.0/104]:1", "10.0.0.0/8:1"),
        ] {
            let refused = Some(Err(format!("requests write it `{right}`")));
            assert_eq!(range(name), refused, "{name}");
        }
    }

    #[test]
    fn addresses_are_known_beside_tools() {
        for name in ["search", "1", "h:1", "mcp:x:y", "Search", "v1.Tool", "10.0.0.1", "::1"] {
            assert_eq!(check_address(name), Ok(()), "{name}");
        }
        for name in ["010.0.0.1", "010.0.0.1:80", "0x7f.1", "::FFFF:1.2.3.4", "[::1]"] {
            assert!(check_address(name).is_err(), "{name}");
        }
    }
}
