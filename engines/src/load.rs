//! Loading policies: bounds, parsing and strict validation, shared out over threads.

use crate::bounds;
use crate::cedar::Cedar;
use crate::loader::Loader;
use crate::names::Aliases;
use crate::prepare::{Prepared, Terms};
use crate::schema;
use crate::share::{self, Piece};
use cedar_policy::*;
use miette::Diagnostic;
use std::cell::OnceCell;
use std::ops::Range;
use std::str::FromStr;

/// The stack that parsing and validating get; evaluation stays within `bounds` on any stack.
const LOAD_STACK: usize = 256 << 20;
/// Threads that read texts; more gain little, since what they find is put together by one.
const READERS: usize = 2;
const MAX_MESSAGE: usize = 400;
const NO_ACTION: &str = "no action fits the head of this policy (a group takes `action in`)";

pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
    /// This very text is known to pass strict validation: half of the time of loading it is saved.
    pub validated: bool,
}

/// Loads on threads of its own, which have ended on return.
pub fn load(sources: &[Source], agent: &str, aliases: &Aliases) -> Result<Cedar, String> {
    let shares = share::out(sources, READERS);
    std::thread::scope(|scope| {
        let readers = shares.iter().map(|share| spawn(scope, || read_all(share, agent, aliases)));
        let readers: Vec<_> = readers.collect::<Result<_, _>>()?;
        let mut loader = Loader::default();
        for reader in readers {
            for prepared in joined(reader)? {
                loader.add(sources, prepared?)?;
            }
        }
        Ok(loader.finish(Terms::new(agent)?))
    })
}

/// Runs what reads texts on a thread of its own, which has ended on return.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| joined(spawn(scope, work)?))
}

type Running<'scope, T> = std::thread::ScopedJoinHandle<'scope, T>;

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<Running<'scope, T>, String> {
    std::thread::Builder::new()
        .stack_size(LOAD_STACK)
        .spawn_scoped(scope, work)
        .map_err(|e| format!("start a thread to parse policies: {e}"))
}

fn joined<T>(running: Running<T>) -> Result<T, String> {
    running.join().map_err(|_| "the policy parser failed".to_string())
}

/// The policies of one reader's share in their order, up to the first that is wrong.
fn read_all(share: &[Piece], agent: &str, aliases: &Aliases) -> Vec<Result<Prepared, String>> {
    let mut read = vec![];
    if let Err(why) = read_share(share, agent, aliases, &mut read) {
        read.push(Err(why));
    }
    read
}

fn read_share(
    share: &[Piece],
    agent: &str,
    aliases: &Aliases,
    read: &mut Vec<Result<Prepared, String>>,
) -> Result<(), String> {
    let terms = Terms::new(agent)?;
    let parser = Parser::new();
    for piece in share {
        for parsed in parser.parse(piece)? {
            let start = parsed.bytes.start;
            let prepared = terms.prepare(piece, parsed, aliases);
            read.push(Ok(prepared.map_err(|why| located(piece.source, Some(start), &why))?));
        }
    }
    Ok(())
}

/// "file:line:column: message", as far as the place is known.
pub fn located(source: &Source, offset: Option<usize>, message: &str) -> String {
    match offset.map(|o| bounds::position(source.text, o)) {
        Some((line, column)) => format!("{}:{line}:{column}: {message}", source.file),
        None => format!("{}: {message}", source.file),
    }
}

fn offset_of(error: &dyn Diagnostic) -> Option<usize> {
    Some(error.labels()?.next()?.offset())
}

/// Where an error is, and what it says: it may quote the text, so it is cut.
fn described(error: &dyn Diagnostic) -> (Option<usize>, String) {
    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
    let text = error.to_string();
    // Its name there is the engine's; the place tells which one it is.
    let told = text.strip_prefix("for policy `policy").and_then(|rest| rest.split_once("`, "));
    let mut message = format!("{}{help}", told.map_or(text.as_str(), |(_, what)| what));
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    (offset_of(error), message)
}

/// Texts to policies: within bounds, well formed, and valid by the schema.
pub struct Parser {
    validator: OnceCell<Validator>,
}

/// A policy with its place in the text: how many lie before it, its bytes, and its line (from 1).
pub struct Parsed {
    pub policy: Policy,
    pub ordinal: usize,
    pub bytes: Range<usize>,
    pub line: usize,
}

impl Parser {
    /// By the schema of Aegis, which is read when it is needed.
    fn new() -> Self {
        Parser { validator: OnceCell::new() }
    }

    pub fn over(schema: &Schema) -> Self {
        Parser { validator: OnceCell::from(Validator::new(schema.clone())) }
    }

    fn parse(&self, piece: &Piece) -> Result<Vec<Parsed>, String> {
        let policies = self.read(piece)?;
        for parsed in policies.iter().filter(|_| !piece.source.validated) {
            self.validate(piece.source, &parsed.policy)?;
        }
        Ok(policies)
    }

    /// The policies of a piece in their order, not validated.
    pub fn read(&self, piece: &Piece) -> Result<Vec<Parsed>, String> {
        let source = piece.source;
        let places = piece
            .places
            .as_ref()
            .map_err(|fault| located(source, Some(fault.offset), &fault.message))?;
        let set = PolicySet::from_str(piece.text()).map_err(|errors| {
            let (offset, message) = described(&errors);
            located(source, offset.map(|offset| piece.span.start + offset), &message)
        })?;
        if let Some(template) = set.templates().next() {
            let name = template.annotation("id").unwrap_or("without @id");
            let offset =
                ordinal(template.id()).and_then(|n| places.get(n)).map(|place| place.start);
            return Err(located(
                source,
                offset,
                &format!("policy {name} is a template with slots, which nothing would fill"),
            ));
        }
        let mut policies: Vec<(usize, Policy)> = set
            .policies()
            .map(|p| ordinal(p.id()).map(|n| (n, p.clone())))
            .collect::<Option<_>>()
            .ok_or("unnumbered policy")?;
        policies.sort_by_key(|(n, _)| *n);
        let mut lines = Lines::new(source.text);
        let placed = |(n, policy): (usize, Policy)| {
            let bytes = places.get(n).cloned().ok_or("a policy without a place")?;
            let line = lines.at(bytes.start);
            Ok(Parsed { policy, ordinal: piece.first + n, bytes, line })
        };
        policies.into_iter().map(placed).collect()
    }

    fn validator(&self) -> Result<&Validator, String> {
        if self.validator.get().is_none() {
            let (schema, _) =
                Schema::from_cedarschema_str(schema::TEXT).map_err(|e| e.to_string())?;
            let _ = self.validator.set(Validator::new(schema));
        }
        self.validator.get().ok_or_else(|| "no validator".to_string())
    }

    /// One policy at a time: a thousand errors cost a thousand times as much, and the first one tells.
    pub fn validate(&self, source: &Source, policy: &Policy) -> Result<(), String> {
        let set = PolicySet::from_policies([policy.clone()]).map_err(|e| e.to_string())?;
        let validation = self.validator()?.validate(&set, ValidationMode::Strict);
        if let Some(first) =
            validation.validation_errors().min_by_key(|e| (offset_of(*e), e.to_string()))
        {
            let (offset, message) = described(first);
            return Err(located(source, offset, &message));
        }
        // Cedar only warns of it, but a forbid that fits no action protects nothing.
        let unfit = |warning: &&ValidationWarning| {
            matches!(warning, ValidationWarning::InvalidActionApplication(_))
        };
        let found = validation.validation_warnings().find(unfit);
        found.map_or(Ok(()), |warning| Err(located(source, offset_of(warning), NO_ACTION)))
    }
}

/// Counts lines of a text forward: the place of each policy in it costs the text once, not each.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Lines { text: text.as_bytes(), at: 0, line: 1 }
    }

    /// The line (from 1) of an offset that lies behind the one before.
    fn at(&mut self, offset: usize) -> usize {
        self.line += self.text[self.at..offset].iter().filter(|&&c| c == b'\n').count();
        self.at = offset;
        self.line
    }
}

/// The parser numbers the policies that it reads at once "policy0", "policy1", … in their order.
pub fn ordinal(id: &PolicyId) -> Option<usize> {
    let text: &str = id.as_ref();
    text.strip_prefix("policy")?.parse().ok()
}
