//! Loading policies: bounds, parsing, strict validation, names and what is known of each policy.

use crate::bounds;
use crate::cedar::{uid, Action, Cedar, Fails, Index, Info, Root};
use crate::facts;
use crate::names::{self, Aliases};
use crate::schema::{self, ACTIONS};
use cedar_policy::*;
use miette::Diagnostic;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str::FromStr;

/// The stack that parsing and validating get; evaluation stays within `bounds` on any stack.
const LOAD_STACK: usize = 256 << 20;
const MAX_MENTIONS: usize = 1 << 16;
/// The mask of a policy that is about connections alone.
const CONNECTIONS: u32 = 1 << 5;
const MAX_MESSAGE: usize = 400;
const NO_ACTION: &str = "no action fits the head of this policy (a group takes `action in`)";

pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
    /// This very text is known to pass strict validation: half of the time of loading it is saved.
    pub validated: bool,
}

/// Loads on two threads of its own, which have ended on return.
pub fn load(sources: &[Source], agent: &str, aliases: &Aliases) -> Result<Cedar, String> {
    let (first, rest) = sources.split_at(sources.len().min(1));
    std::thread::scope(|scope| {
        let loading = spawn(scope, || {
            let beside = spawn(scope, || (Loader::new(agent), parse_all(rest)))?;
            let mut parsed = parse_all(first);
            let (loader, others) = joined(beside)?;
            parsed.extend(others);
            loader?.load(sources, parsed, aliases)
        })?;
        joined(loading)?
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

fn parse_all(sources: &[Source]) -> Vec<Result<Vec<Parsed>, String>> {
    let parser = Parser::new();
    sources.iter().map(|source| parser.parse(source)).collect()
}

fn entity_type(name: &str) -> Result<EntityTypeName, String> {
    EntityTypeName::from_str(name).map_err(|e| e.to_string())
}

/// "file:line:column: message", as far as the place is known.
fn located(source: &Source, offset: Option<usize>, message: &str) -> String {
    match offset.map(|o| bounds::position(source.text, o)) {
        Some((line, column)) => format!("{}:{line}:{column}: {message}", source.file),
        None => format!("{}: {message}", source.file),
    }
}

/// The policy without its text, which JSON and renaming would parse again.
fn without_text(policy: &Policy) -> Policy {
    Policy::from(policy.as_ref().clone())
}

/// `Policy::annotation` parses the name each time.
fn annotation<'a>(policy: &'a Policy, name: &str) -> Option<&'a str> {
    policy.annotations().find(|(key, _)| *key == name).map(|(_, value)| value)
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

/// A policy with its place in the text.
pub struct Parsed {
    pub policy: Policy,
    bytes: Range<usize>,
    line: usize,
}

impl Parser {
    /// By the schema of Aegis, which is read when it is needed.
    fn new() -> Self {
        Parser { validator: OnceCell::new() }
    }

    pub fn over(schema: &Schema) -> Self {
        Parser { validator: OnceCell::from(Validator::new(schema.clone())) }
    }

    fn parse(&self, source: &Source) -> Result<Vec<Parsed>, String> {
        let policies = self.read(source)?;
        for parsed in policies.iter().filter(|_| !source.validated) {
            self.validate(source, &parsed.policy)?;
        }
        Ok(policies)
    }

    /// The policies of a text in their order, not validated.
    pub fn read(&self, source: &Source) -> Result<Vec<Parsed>, String> {
        let places = bounds::check(source.text)
            .map_err(|fault| located(source, Some(fault.offset), &fault.message))?;
        let set = PolicySet::from_str(source.text).map_err(|errors| {
            let (offset, message) = described(&errors);
            located(source, offset, &message)
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
            Ok(Parsed { policy, line: lines.at(bytes.start), bytes })
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

struct Loader {
    cedar: Cedar,
    mention_index: HashMap<String, u32>,
}

impl Loader {
    fn new(agent: &str) -> Result<Self, String> {
        let action_type = entity_type(schema::ACTION)?;
        let cedar = Cedar {
            info: vec![],
            mentions: vec![],
            mention_uids: vec![],
            index: Index::default(),
            indices: HashMap::new(),
            agent: uid(&entity_type(schema::AGENT)?, agent),
            actions: ACTIONS.iter().map(|name| Action::new(&action_type, name)).collect(),
            resource_type: entity_type(schema::RESOURCE)?,
        };
        Ok(Loader { cedar, mention_index: HashMap::new() })
    }

    /// `parsed` stands for `sources`, one by one.
    fn load(
        mut self,
        sources: &[Source],
        parsed: Vec<Result<Vec<Parsed>, String>>,
        aliases: &Aliases,
    ) -> Result<Cedar, String> {
        for (number, (source, policies)) in sources.iter().zip(parsed).enumerate() {
            for policy in policies? {
                let start = policy.bytes.start;
                self.add(source, number, policy, aliases)
                    .map_err(|message| located(source, Some(start), &message))?;
            }
        }
        Ok(self.cedar)
    }

    fn add(
        &mut self,
        source: &Source,
        number: usize,
        parsed: Parsed,
        aliases: &Aliases,
    ) -> Result<(), String> {
        let id = self.identify(source, &parsed.policy)?;
        let policy =
            self.resolve(&without_text(&parsed.policy).new_id(PolicyId::new(&id)), aliases)?;
        let forbid = policy.effect() == Effect::Forbid;
        let ask = annotation(&policy, "ask").is_some();
        if forbid && ask {
            return Err(format!("policy {id}: @ask stands on a permit only"));
        }
        let json = policy.to_json().map_err(|e| e.to_string())?;
        let reads = facts::reads_of(&json).map_err(|e| format!("policy {id}: {e}"))?;
        let region = facts::region_of(&json);
        let excluded = facts::excluded_of(&json);
        let info = Info {
            file: source.file.into(),
            source: number,
            bytes: parsed.bytes,
            line: parsed.line,
            reason: annotation(&policy, "reason").unwrap_or("").into(),
            forbid,
            ask,
            applies: self.applies(&policy),
            actions: self.actions(&policy),
            reads,
            grouped: self.names_group(&policy),
            bounded: region.roots.is_some(),
            roots: self.roots(region.roots.unwrap_or_default())?,
            excluded: self.subtrees(excluded.names)?,
            excluded_but: self.subtrees(excluded.but)?,
            by_name: facts::names_groups(&json),
            total: region.total,
            fails: fails(&policy, &json),
            id,
        };
        self.index(policy, info);
        Ok(())
    }

    fn identify(&self, source: &Source, policy: &Policy) -> Result<String, String> {
        let stem = source.file.rsplit('/').next().unwrap_or("");
        let stem = stem.strip_suffix(".cedar").unwrap_or(stem);
        let id = match annotation(policy, "id") {
            Some("") => return Err("an empty @id".into()),
            Some(id) => id.to_string(),
            None => format!("{stem}:{}", ordinal(policy.id()).unwrap_or(0) + 1),
        };
        match self.cedar.indices.get(&PolicyId::new(&id)) {
            Some(&other) => Err(format!(
                "the id {id} is taken by a policy of {}",
                self.cedar.info[other as usize].file
            )),
            None => Ok(id),
        }
    }

    /// Replaces the names of resources by those that requests use, and notes them as mentions.
    fn resolve(&mut self, policy: &Policy, aliases: &Aliases) -> Result<Policy, String> {
        let mut renamed = BTreeMap::new();
        let mut literals: Vec<EntityUid> = policy.entity_literals();
        literals.retain(|literal| *literal.type_name() == self.cedar.resource_type);
        literals.sort();
        let connects = self.actions(policy) == CONNECTIONS;
        for literal in literals {
            let name: &str = literal.id().unescaped();
            let path = names::resolve(name, aliases)
                .map_err(|why| format!("resource \"{name}\": {why}"))?;
            if connects && !path.starts_with(['/', '*']) {
                names::check_peer(&path).map_err(|why| format!("resource \"{name}\": {why}"))?;
            }
            self.mention(&path)?;
            if path != name {
                renamed.insert(literal.clone(), uid(&self.cedar.resource_type, &path));
            }
        }
        if renamed.is_empty() {
            return Ok(policy.clone());
        }
        policy.sub_entity_literals(renamed).map_err(|e| e.to_string())
    }

    fn mention(&mut self, name: &str) -> Result<u32, String> {
        if let Some(&index) = self.mention_index.get(name) {
            return Ok(index);
        }
        let index = self.cedar.mentions.len();
        if index >= MAX_MENTIONS {
            return Err(format!("more than {MAX_MENTIONS} resources are named"));
        }
        self.cedar.mentions.push(name.into());
        self.cedar.mention_uids.push(uid(&self.cedar.resource_type, name).into());
        self.mention_index.insert(name.into(), index as u32);
        Ok(index as u32)
    }

    fn applies(&self, policy: &Policy) -> bool {
        match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
            PrincipalConstraint::In(u)
            | PrincipalConstraint::Eq(u)
            | PrincipalConstraint::IsIn(_, u) => u == self.cedar.agent,
        }
    }

    fn actions(&self, policy: &Policy) -> u32 {
        let chosen = match policy.action_constraint() {
            ActionConstraint::Any => return (1 << ACTIONS.len()) - 1,
            ActionConstraint::In(uids) => uids,
            ActionConstraint::Eq(uid) => vec![uid],
        };
        let is_chosen = |action: &Action| chosen.iter().any(|uid| action.is_in(uid));
        let bits = self.cedar.actions.iter().enumerate().filter(|(_, action)| is_chosen(action));
        bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// Strict validation leaves no other actions than those of the schema.
    fn names_group(&self, policy: &Policy) -> bool {
        policy
            .entity_literals()
            .iter()
            .any(|literal| self.cedar.actions.iter().any(|action| action.groups.contains(literal)))
    }

    fn roots(&mut self, roots: Vec<facts::Root>) -> Result<Vec<Root>, String> {
        let known = |root: facts::Root| {
            Ok(Root { mention: self.mention(&root.name)?, subtree: root.subtree.into() })
        };
        roots.into_iter().map(known).collect()
    }

    fn subtrees(&mut self, names: Vec<String>) -> Result<Vec<Root>, String> {
        self.roots(names.into_iter().map(|name| facts::Root { name, subtree: true }).collect())
    }

    /// Files a policy under its roots where being outside them makes it neither match nor err:
    /// where its head says so, or where nothing else is tested.
    fn index(&mut self, policy: Policy, info: Info) {
        let confined = info.bounded && (headed(&policy) || info.total);
        let mut places: Vec<u32> =
            info.roots.iter().filter(|_| confined).map(|root| root.mention).collect();
        places.sort_unstable();
        places.dedup();
        // What is confined to no place at all, or is for another agent, never applies.
        if info.applies && !(confined && places.is_empty()) {
            self.cedar.index.add(&policy, self.cedar.info.len() as u32, &info, places);
        }
        self.cedar.indices.insert(policy.id().clone(), self.cedar.info.len() as u32);
        self.cedar.info.push(info);
    }
}

/// Whether the head of a policy names a place: outside of it no condition is evaluated.
fn headed(policy: &Policy) -> bool {
    !matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_))
}

fn fails(policy: &Policy, json: &serde_json::Value) -> Fails {
    match facts::may_fail(json) {
        false => Fails::Never,
        true if headed(policy) => Fails::InItsPlaces,
        true => Fails::Anywhere,
    }
}

/// The parser numbers the policies of a text "policy0", "policy1", … in their order.
pub fn ordinal(id: &PolicyId) -> Option<usize> {
    let text: &str = id.as_ref();
    text.strip_prefix("policy")?.parse().ok()
}
