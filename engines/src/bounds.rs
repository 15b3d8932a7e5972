//! Bounds on a policy text before the recursive parser sees it. The limits count tokens, so that
//! strings and comments full of brackets stay harmless. The token rules are those of Cedar's own
//! lexer: what this one skips as a string or comment, Cedar skips too, or refuses.

use std::ops::Range;

/// Largest file.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of brackets.
pub const MAX_DEPTH: usize = 64;
/// Most operators, brackets and keywords in one policy: they bound the depth of its syntax tree.
pub const MAX_OPERATORS: usize = 1000;
/// Most commas in one policy: the validator's memory grows with the square of a list's length.
pub const MAX_COMMAS: usize = 512;
/// Most policies in one file.
pub const MAX_POLICIES: usize = 10_000;

/// Where in a text something was found wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub offset: usize,
    pub message: String,
}

fn fault(offset: usize, message: impl Into<String>) -> Fault {
    Fault { offset, message: message.into() }
}

/// Line and column (from 1, in characters) of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[start..].chars().count() + 1)
}

/// Checks the bounds and returns the bytes of each policy of the text, from its first annotation or
/// word to its `;`.
pub fn check(text: &str) -> Result<Vec<Range<usize>>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(fault(0, format!("the file is larger than {MAX_BYTES} bytes")));
    }
    Scanner {
        bytes: text.as_bytes(),
        at: 0,
        depth: 0,
        operators: 0,
        commas: 0,
        policies: vec![],
        open: false,
    }
    .run()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    operators: usize,
    commas: usize,
    policies: Vec<Range<usize>>,
    open: bool,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Vec<Range<usize>>, Fault> {
        while self.at < self.bytes.len() {
            let start = self.at;
            match self.bytes[start] {
                b'/' if self.bytes.get(start + 1) == Some(&b'/') => self.skip_comment(),
                b'"' => self.skip_string()?,
                0 => return Err(fault(start, "a NUL byte")),
                c if c.is_ascii_whitespace() || c == 0x0b => self.at += 1,
                c if c.is_ascii_alphabetic() || c == b'_' => self.word(),
                c => self.punctuation(c)?,
            }
            self.note_policy(start)?;
        }
        Ok(self.policies)
    }

    /// A token at `start` opens a policy unless one is open already.
    fn note_policy(&mut self, start: usize) -> Result<(), Fault> {
        let c = self.bytes[start];
        let blank = c.is_ascii_whitespace()
            || c == 0x0b
            || (c == b'/' && self.bytes.get(start + 1) == Some(&b'/'));
        if !self.open && !blank && c != b';' {
            self.open = true;
            self.policies.push(start..self.bytes.len());
            if self.policies.len() > MAX_POLICIES {
                return Err(fault(start, format!("more than {MAX_POLICIES} policies in one file")));
            }
        }
        Ok(())
    }

    fn skip_comment(&mut self) {
        while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        while let Some(&c) = self.bytes.get(self.at) {
            match c {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                // Cedar's `\\.` does not take a line feed; nor do we take other line ends.
                b'\\' => match self.bytes.get(self.at + 1) {
                    None | Some(b'\n' | b'\r') => {
                        return Err(fault(self.at, "a backslash at the end of a line in a string"))
                    }
                    Some(0) => return Err(fault(self.at + 1, "a NUL byte")),
                    Some(_) => self.at += 2,
                },
                0 => return Err(fault(self.at, "a NUL byte")),
                _ => self.at += 1,
            }
        }
        Err(fault(start, "a string that is never closed"))
    }

    fn word(&mut self) {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_') {
            self.at += 1;
        }
        if matches!(
            &self.bytes[start..self.at],
            b"if" | b"then" | b"else" | b"in" | b"has" | b"like" | b"is" | b"when" | b"unless"
        ) {
            self.operators += 1;
        }
    }

    fn punctuation(&mut self, c: u8) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        if matches!(
            (c, self.bytes.get(self.at)),
            (b'=' | b'!' | b'<' | b'>', Some(b'=')) | (b'&', Some(b'&')) | (b'|', Some(b'|'))
        ) {
            self.at += 1; // one operator of two characters
        }
        match c {
            b'(' | b'[' | b'{' => {
                self.depth += 1;
                self.operators += 1;
                if self.depth > MAX_DEPTH {
                    return Err(fault(start, format!("brackets nested deeper than {MAX_DEPTH}")));
                }
            }
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            // Cedar would note each as an error of its own, at some 10 µs.
            b';' if !self.open => return Err(fault(start, "a `;` that ends no policy")),
            b';' => {
                self.open = false;
                if let Some(policy) = self.policies.last_mut() {
                    policy.end = self.at;
                }
                self.depth = 0;
                self.operators = 0;
                self.commas = 0;
            }
            b',' => self.commas += 1,
            b'.' | b'!' | b'-' | b'+' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'&' | b'|' => {
                self.operators += 1
            }
            _ => {}
        }
        if self.commas > MAX_COMMAS {
            return Err(fault(
                start,
                format!("a list of more than {MAX_COMMAS} in one policy (split it over several)"),
            ));
        }
        if self.operators > MAX_OPERATORS {
            return Err(fault(start, format!("more than {MAX_OPERATORS} operators in one policy")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(condition: &str) -> String {
        format!("permit(principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn policies_follow_statements_not_text() {
        let text = "// permit(;\n@id(\"a;b\") permit(principal, action, resource); //\n forbid(principal, action, resource);\n//";
        let forbid = text.find("forbid").unwrap();
        let found: Vec<&str> = check(text).unwrap().into_iter().map(|p| &text[p]).collect();
        assert_eq!(
            found,
            [
                "@id(\"a;b\") permit(principal, action, resource);",
                "forbid(principal, action, resource);"
            ]
        );
        assert_eq!(position(text, forbid), (3, 2));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let text =
            policy(&format!("\"{}\" like \"x\" // {}\n", "(".repeat(5000), "[".repeat(5000)));
        assert!(check(&text).is_ok());
    }

    #[test]
    fn a_carriage_return_ends_a_comment() {
        let text = policy(&format!("true // \r{}", "(".repeat(100)));
        assert!(check(&text).unwrap_err().message.contains("nested"));
    }

    #[test]
    fn depth_and_chains_are_bounded() {
        assert!(check(&policy(&format!("{}true{}", "(".repeat(60), ")".repeat(60)))).is_ok());
        assert!(check(&policy(&format!("{}true{}", "(".repeat(1000), ")".repeat(1000)))).is_err());
        assert!(check(&policy(&"!".repeat(100_000))).is_err());
        assert!(check(&policy(&format!("true{}", " && true".repeat(400)))).is_ok());
        assert!(check(&policy(&format!("true{}", " && true".repeat(4000)))).is_err());
        assert!(check(&policy(&"if true then true else ".repeat(4000))).is_err());
    }

    #[test]
    fn lists_are_bounded() {
        assert!(check(&policy(&format!("[{}].contains(1)", "1,".repeat(500)))).is_ok());
        assert!(check(&policy(&format!("[{}].contains(1)", "1,".repeat(600)))).is_err());
    }

    #[test]
    fn stray_semicolons_are_refused() {
        assert!(check(";").is_err());
        assert!(check("permit(principal, action, resource);;").is_err());
        assert!(check("permit(principal, action, resource); // ;\n").is_ok());
    }

    #[test]
    fn broken_strings_and_nul_are_named() {
        assert_eq!(check("permit \"abc").unwrap_err(), fault(7, "a string that is never closed"));
        assert!(check("a\0b").is_err());
        assert!(check("\"a\\\nb\"").is_err());
        assert!(check("\"a\0b\"").is_err());
    }
}
