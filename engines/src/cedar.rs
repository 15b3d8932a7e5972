//! A loaded set of Cedar policies: parsing, validation, and evaluation over an index.

use crate::bounds;
use crate::facts;
use crate::names::{self, Aliases};
use crate::schema::{self, ACTIONS};
use cedar_policy::*;
use miette::Diagnostic;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

/// The stack that parsing and validating get; evaluation stays within `bounds` on any stack.
const LOAD_STACK: usize = 256 << 20;
const MAX_MENTIONS: usize = 1 << 16;
const MAX_MESSAGE: usize = 400;

pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// A mentioned resource, alone or with all below it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Root {
    pub mention: u32,
    pub subtree: u32,
}

/// A policy as the header shows it.
pub struct Info {
    pub id: String,
    pub file: String,
    pub reason: String,
    pub forbid: bool,
    pub ask: bool,
    pub applies: bool,
    pub actions: u32,
    pub reads: u32,
    /// It applies nowhere outside `roots`.
    pub bounded: bool,
    pub roots: Vec<Root>,
    /// It applies to everything in them (everywhere, if not bounded).
    pub total: bool,
}

/// Policies that may apply to the same actions in the same places are evaluated together. A set
/// costs some memory and time of its own, so there is one for each group, not one for each place.
struct Group {
    actions: u32,
    /// Forbids of everything in their places, which hold behind links too.
    wide: bool,
    policies: PolicySet,
}

#[derive(Default)]
struct Index {
    groups: Vec<Group>,
    /// Groups whose policies may apply to any resource.
    anywhere: Vec<u32>,
    /// Groups by the mentions that their policies are confined to.
    by_mention: HashMap<u32, Vec<u32>>,
    /// Attributes read, for each action.
    reads: [u32; ACTIONS.len()],
}

impl Index {
    /// The groups whose policies may apply to a question, each once.
    fn candidates(&self, question: &Question) -> Vec<u32> {
        let mut found = self.anywhere.clone();
        let at = |mention: &u32| self.by_mention.get(mention).into_iter().flatten().copied();
        found.extend(question.ancestors.iter().flat_map(at));
        found.extend(question.linked.iter().flat_map(at).filter(|&group| self.groups[group as usize].wide));
        found.retain(|&group| self.groups[group as usize].actions & 1 << question.action != 0);
        found.sort_unstable();
        found.dedup();
        found
    }
}

pub struct Cedar {
    pub info: Vec<Info>,
    /// Names of resources that policies mention, aliases resolved.
    pub mentions: Vec<String>,
    mention_uids: Vec<EntityUid>,
    index: Index,
    indices: HashMap<PolicyId, u32>,
    authorizer: Authorizer,
    agent: EntityUid,
    actions: Vec<EntityUid>,
    resource_type: EntityTypeName,
}

pub struct Question<'a> {
    pub action: usize,
    pub resource: &'a str,
    /// Indices of the mentions that are the resource or an ancestor of it.
    pub ancestors: &'a [u32],
    /// Indices of the mentions that lead to the resource or an ancestor of it by a link.
    pub linked: &'a [u32],
    pub pid: i64,
    pub exe: &'a str,
    pub argv: Option<Vec<&'a str>>,
    pub net: Option<(&'a str, i64, &'a str)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Outcome {
    Permit = 0,
    Forbid = 1,
    NoPermit = 2,
    Ask = 4,
}

/// Loads on a thread of its own, which has ended on return.
pub fn load(sources: &[Source], agent: &str, aliases: &Aliases) -> Result<Cedar, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(LOAD_STACK)
            .spawn_scoped(scope, || Loader::new(agent)?.load(sources, aliases))
            .map_err(|e| format!("start a thread to parse policies: {e}"))?
            .join()
            .map_err(|_| "the policy parser failed".to_string())?
    })
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
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
    let mut message = format!("{error}{help}");
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    (offset_of(error), message)
}

struct Loader {
    validator: Validator,
    cedar: Cedar,
    mention_index: HashMap<String, u32>,
    /// The groups by their actions, width and places (none: anywhere).
    group_index: HashMap<(u32, bool, Vec<u32>), u32>,
}

/// A policy of the text with its place.
struct Parsed {
    policy: Policy,
    offset: Option<usize>,
}

impl Loader {
    fn new(agent: &str) -> Result<Self, String> {
        let (schema, _) = Schema::from_cedarschema_str(schema::TEXT).map_err(|e| e.to_string())?;
        let action_type = entity_type(schema::ACTION)?;
        let cedar = Cedar {
            info: vec![],
            mentions: vec![],
            mention_uids: vec![],
            index: Index::default(),
            indices: HashMap::new(),
            authorizer: Authorizer::new(),
            agent: uid(&entity_type(schema::AGENT)?, agent),
            actions: ACTIONS.iter().map(|name| uid(&action_type, name)).collect(),
            resource_type: entity_type(schema::RESOURCE)?,
        };
        Ok(Loader { validator: Validator::new(schema), cedar, mention_index: HashMap::new(), group_index: HashMap::new() })
    }

    fn load(mut self, sources: &[Source], aliases: &Aliases) -> Result<Cedar, String> {
        for source in sources {
            for parsed in self.parse(source)? {
                let place = parsed.offset;
                self.add(source, parsed, aliases).map_err(|message| located(source, place, &message))?;
            }
        }
        Ok(self.cedar)
    }

    fn parse(&self, source: &Source) -> Result<Vec<Parsed>, String> {
        let starts = bounds::check(source.text).map_err(|fault| located(source, Some(fault.offset), &fault.message))?;
        let set = PolicySet::from_str(source.text).map_err(|errors| {
            let (offset, message) = described(&errors);
            located(source, offset, &message)
        })?;
        if let Some(template) = set.templates().next() {
            let name = template.annotation("id").unwrap_or("without @id");
            let offset = ordinal(template.id()).and_then(|n| starts.get(n)).copied();
            return Err(located(source, offset, &format!("policy {name} is a template with slots, which nothing would fill")));
        }
        let mut policies: Vec<(usize, Policy)> =
            set.policies().map(|p| ordinal(p.id()).map(|n| (n, p.clone()))).collect::<Option<_>>().ok_or("unnumbered policy")?;
        policies.sort_by_key(|(n, _)| *n);
        for (_, policy) in &policies {
            self.validate(source, policy)?;
        }
        Ok(policies.into_iter().map(|(n, policy)| Parsed { policy, offset: starts.get(n).copied() }).collect())
    }

    /// One policy at a time: a thousand errors cost a thousand times as much, and the first one tells.
    fn validate(&self, source: &Source, policy: &Policy) -> Result<(), String> {
        let set = PolicySet::from_policies([policy.clone()]).map_err(|e| e.to_string())?;
        let validation = self.validator.validate(&set, ValidationMode::Strict);
        match validation.validation_errors().min_by_key(|e| (offset_of(*e), e.to_string())) {
            Some(first) => {
                let (offset, message) = described(first);
                Err(located(source, offset, &message))
            }
            None => Ok(()),
        }
    }

    fn add(&mut self, source: &Source, parsed: Parsed, aliases: &Aliases) -> Result<(), String> {
        let id = self.identify(source, &parsed.policy)?;
        let policy = self.resolve(&parsed.policy.new_id(PolicyId::new(&id)), aliases)?;
        let forbid = policy.effect() == Effect::Forbid;
        let ask = annotation(&policy, "ask").is_some();
        if forbid && ask {
            return Err(format!("policy {id}: @ask stands on a permit only"));
        }
        let json = policy.to_json().map_err(|e| e.to_string())?;
        let reads = facts::reads_of(&json).map_err(|e| format!("policy {id}: {e}"))?;
        let region = facts::region_of(&json);
        let info = Info {
            file: source.file.into(),
            reason: annotation(&policy, "reason").unwrap_or("").into(),
            forbid,
            ask,
            applies: self.applies(&policy),
            actions: self.actions(&policy),
            reads,
            bounded: region.roots.is_some(),
            roots: self.roots(region.roots.unwrap_or_default())?,
            total: region.total,
            id,
        };
        self.index(policy, info)
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
            Some(&other) => Err(format!("the id {id} is taken by a policy of {}", self.cedar.info[other as usize].file)),
            None => Ok(id),
        }
    }

    /// Replaces the names of resources by those that requests use, and notes them as mentions.
    fn resolve(&mut self, policy: &Policy, aliases: &Aliases) -> Result<Policy, String> {
        let mut renamed = BTreeMap::new();
        let mut literals: Vec<EntityUid> = policy.entity_literals();
        literals.retain(|literal| *literal.type_name() == self.cedar.resource_type);
        literals.sort();
        for literal in literals {
            let name: &str = literal.id().unescaped();
            let path = names::resolve(name, aliases).map_err(|why| format!("resource \"{name}\": {why}"))?;
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
        self.cedar.mention_uids.push(uid(&self.cedar.resource_type, name));
        self.mention_index.insert(name.into(), index as u32);
        Ok(index as u32)
    }

    fn applies(&self, policy: &Policy) -> bool {
        match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
            PrincipalConstraint::In(u) | PrincipalConstraint::Eq(u) | PrincipalConstraint::IsIn(_, u) => u == self.cedar.agent,
        }
    }

    fn actions(&self, policy: &Policy) -> u32 {
        let chosen = match policy.action_constraint() {
            ActionConstraint::Any => return (1 << ACTIONS.len()) - 1,
            ActionConstraint::In(uids) => uids,
            ActionConstraint::Eq(uid) => vec![uid],
        };
        let bits = self.cedar.actions.iter().enumerate().filter(|(_, action)| chosen.contains(action));
        bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    fn roots(&mut self, roots: Vec<facts::Root>) -> Result<Vec<Root>, String> {
        let known = |root: facts::Root| Ok(Root { mention: self.mention(&root.name)?, subtree: root.subtree.into() });
        roots.into_iter().map(known).collect()
    }

    /// Files a policy under its roots where being outside them makes it neither match nor err:
    /// where its head says so, or where nothing else is tested.
    fn index(&mut self, policy: Policy, info: Info) -> Result<(), String> {
        let headed = !matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_));
        let confined = info.bounded && (headed || info.total);
        if info.applies {
            for (action, reads) in self.cedar.index.reads.iter_mut().enumerate() {
                *reads |= if info.actions & 1 << action != 0 { info.reads } else { 0 };
            }
            let mut places: Vec<u32> = info.roots.iter().filter(|_| confined).map(|root| root.mention).collect();
            places.sort_unstable();
            places.dedup();
            if !(confined && places.is_empty()) {
                let group = self.group(info.actions, info.forbid && info.total, places);
                self.cedar.index.groups[group as usize].policies.add(policy.clone()).map_err(|e| e.to_string())?;
            }
        }
        self.cedar.indices.insert(policy.id().clone(), self.cedar.info.len() as u32);
        self.cedar.info.push(info);
        Ok(())
    }
}

impl Loader {
    /// The group of policies for these actions and places, made if there is none yet.
    fn group(&mut self, actions: u32, wide: bool, places: Vec<u32>) -> u32 {
        let index = &mut self.cedar.index;
        let next = index.groups.len() as u32;
        let group = *self.group_index.entry((actions, wide, places.clone())).or_insert(next);
        if group == next {
            index.groups.push(Group { actions, wide, policies: PolicySet::new() });
            if places.is_empty() {
                index.anywhere.push(group);
            }
            for place in places {
                index.by_mention.entry(place).or_default().push(group);
            }
        }
        group
    }
}

/// The parser numbers the policies of a text "policy0", "policy1", … in their order.
fn ordinal(id: &PolicyId) -> Option<usize> {
    let text: &str = id.as_ref();
    text.strip_prefix("policy")?.parse().ok()
}

impl Cedar {
    /// Attributes that policies which may apply to an action read.
    pub fn reads(&self, action: usize) -> u32 {
        self.index.reads.get(action).copied().unwrap_or(schema::READS_ALL)
    }

    /// The outcome and the indices of the policies that determined it; an error of any policy that
    /// could apply is an error.
    pub fn evaluate(&self, question: &Question) -> Result<(Outcome, Vec<u32>), String> {
        let action = self.actions.get(question.action).ok_or("an unknown action")?.clone();
        let reads = self.reads(question.action);
        let resource = uid(&self.resource_type, question.resource);
        let entities = self.entities(question, question.ancestors, &resource, reads)?;
        let both = [question.ancestors, question.linked].concat();
        let behind_links =
            if question.linked.is_empty() { None } else { Some(self.entities(question, &both, &resource, reads)?) };
        let context = context_of(question, reads)?;
        let request = Request::new(self.agent.clone(), action, resource, context, None).map_err(|e| e.to_string())?;
        let mut found = Found::default();
        for group in self.index.candidates(question) {
            let group = &self.index.groups[group as usize];
            let world = behind_links.as_ref().filter(|_| group.wide).unwrap_or(&entities);
            self.run(&group.policies, &request, world, &mut found)?;
        }
        Ok(found.outcome(&self.info))
    }

    fn entities(&self, question: &Question, ancestors: &[u32], resource: &EntityUid, reads: u32) -> Result<Entities, String> {
        let mut parents = HashSet::with_capacity(ancestors.len());
        for &index in ancestors {
            let parent = self.mention_uids.get(index as usize).ok_or("an unknown mention")?;
            if parent != resource {
                parents.insert(parent.clone());
            }
        }
        let entity = if reads & schema::READS_PATH == 0 {
            Entity::new_no_attrs(resource.clone(), parents)
        } else {
            let path = RestrictedExpression::new_string(question.resource.into());
            Entity::new(resource.clone(), HashMap::from([("path".to_string(), path)]), parents).map_err(|e| e.to_string())?
        };
        Entities::from_entities([entity], None).map_err(|e| e.to_string())
    }

    fn run(&self, set: &PolicySet, request: &Request, entities: &Entities, found: &mut Found) -> Result<(), String> {
        let response = self.authorizer.is_authorized(request, set, entities);
        if let Some(AuthorizationError::PolicyEvaluationError(error)) = response.diagnostics().errors().next() {
            return Err(format!("policy {}: {}", error.policy_id(), error.inner()));
        }
        for id in response.diagnostics().reason() {
            let index = *self.indices.get(id).ok_or("an unknown policy")?;
            if self.info[index as usize].forbid { &mut found.forbids } else { &mut found.permits }.push(index);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Found {
    permits: Vec<u32>,
    forbids: Vec<u32>,
}

impl Found {
    fn outcome(mut self, info: &[Info]) -> (Outcome, Vec<u32>) {
        self.forbids.sort_unstable();
        self.permits.sort_unstable();
        if !self.forbids.is_empty() {
            return (Outcome::Forbid, self.forbids);
        }
        let asking: Vec<u32> = self.permits.iter().copied().filter(|&i| info[i as usize].ask).collect();
        match (asking.is_empty(), self.permits.is_empty()) {
            (false, _) => (Outcome::Ask, asking),
            (true, false) => (Outcome::Permit, self.permits),
            (true, true) => (Outcome::NoPermit, vec![]),
        }
    }
}

/// Only what some policy reads: building a value costs more than looking at it.
fn context_of(question: &Question, reads: u32) -> Result<Context, String> {
    if reads & !schema::READS_PATH == 0 {
        return Ok(Context::empty());
    }
    let string = |text: &str| RestrictedExpression::new_string(text.into());
    let mut pairs = vec![("pid".to_string(), RestrictedExpression::new_long(question.pid))];
    if !question.exe.is_empty() {
        pairs.push(("exe".into(), string(question.exe)));
    }
    if let Some(argv) = &question.argv {
        pairs.push(("argv".into(), RestrictedExpression::new_set(argv.iter().map(|argument| string(argument)))));
    }
    if let Some((host, port, protocol)) = question.net {
        for (name, text) in [("host", host), ("protocol", protocol)] {
            if !text.is_empty() {
                pairs.push((name.into(), string(text)));
            }
        }
        pairs.push(("port".into(), RestrictedExpression::new_long(port)));
    }
    Context::from_pairs(pairs).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Cedar, String> {
        load(&[Source { file: "p/test.cedar", text }], "a", &Aliases { home: "/home/u", dir: "/home/u/app" })
    }

    fn refusal(text: &str) -> String {
        loaded(text).err().unwrap_or_default()
    }

    fn ask(cedar: &Cedar, action: usize, resource: &str, ancestors: &[&str]) -> Result<(Outcome, Vec<String>), String> {
        let index = |name: &&str| cedar.mentions.iter().position(|m| m == name).unwrap() as u32;
        let ancestors: Vec<u32> = ancestors.iter().map(index).collect();
        let question =
            Question { action, resource, ancestors: &ancestors, linked: &[], pid: 7, exe: "/bin/x", argv: None, net: None };
        let (outcome, policies) = cedar.evaluate(&question)?;
        Ok((outcome, policies.into_iter().map(|p| cedar.info[p as usize].id.clone()).collect()))
    }

    const ALL: &str = "permit(principal, action, resource);";

    #[test]
    fn ids_are_annotations_or_positions() {
        let c = loaded(&format!("{ALL}@id(\"x\") {ALL} // ;\n{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}")).unwrap();
        let ids: Vec<&str> = c.info.iter().map(|i| i.id.as_str()).collect();
        assert_eq!(ids[..4], ["test:1", "x", "test:3", "test:4"]);
        assert_eq!(ids[10], "test:11");
    }

    #[test]
    fn aliases_reach_heads_and_conditions() {
        let text = "permit(principal, action, resource in Aegis::Resource::\"~\");
                    forbid(principal, action, resource) when { resource == Aegis::Resource::\"@dir/x\" };";
        let c = loaded(text).unwrap();
        assert_eq!(c.mentions, ["/home/u", "/home/u/app/x"]);
        assert!(c.info.iter().all(|i| i.bounded && i.total && i.roots.len() == 1));
        assert_eq!(ask(&c, 0, "/home/u/app", &["/home/u"]).unwrap(), (Outcome::Permit, vec!["test:1".into()]));
        let exactly = ask(&c, 0, "/home/u/app/x", &["/home/u", "/home/u/app/x"]).unwrap();
        assert_eq!(exactly, (Outcome::Forbid, vec!["test:2".into()]));
        let below = ask(&c, 0, "/home/u/app/x/y", &["/home/u", "/home/u/app/x"]).unwrap();
        assert_eq!(below.0, Outcome::Permit);
    }

    #[test]
    fn a_policy_with_two_roots_counts_once() {
        let text = "permit(principal, action, resource) when { resource in [Aegis::Resource::\"/a\", Aegis::Resource::\"/a/b\"] };";
        let c = loaded(text).unwrap();
        assert_eq!(ask(&c, 0, "/a/b/c", &["/a", "/a/b"]).unwrap(), (Outcome::Permit, vec!["test:1".into()]));
        assert_eq!(ask(&c, 0, "/b", &[]).unwrap(), (Outcome::NoPermit, vec![]));
    }

    #[test]
    fn an_error_in_any_policy_is_an_error() {
        let overflow = "forbid(principal, action == Aegis::Action::\"FileRead\", resource) when { context.pid + 9223372036854775807 > 0 };";
        let c = loaded(&format!("{ALL}{overflow}")).unwrap();
        assert!(ask(&c, 0, "/a", &[]).unwrap_err().contains("test:2"));
        assert_eq!(ask(&c, 1, "/a", &[]).unwrap().0, Outcome::Permit);
        // Even where a test of the resource would have kept the policy from applying.
        let late = "permit(principal, action, resource) when { context.pid + 9223372036854775807 > 0 && resource in Aegis::Resource::\"/z\" };";
        assert!(ask(&loaded(late).unwrap(), 0, "/a", &[]).is_err());
    }

    #[test]
    fn other_agents_policies_are_listed_but_idle() {
        let c = loaded(&format!("forbid(principal == Aegis::Agent::\"b\", action, resource); {ALL}")).unwrap();
        assert_eq!(c.info.len(), 2);
        assert!(!c.info[0].applies);
        assert_eq!(ask(&c, 0, "/a", &[]).unwrap().0, Outcome::Permit);
        let own = loaded("permit(principal == Aegis::Agent::\"a\", action, resource);").unwrap();
        assert_eq!(ask(&own, 0, "/a", &[]).unwrap().0, Outcome::Permit);
    }

    #[test]
    fn a_permit_may_ask() {
        let c = loaded(&format!("{ALL} @ask permit(principal, action == Aegis::Action::\"FileWrite\", resource);")).unwrap();
        assert_eq!(ask(&c, 1, "/a", &[]).unwrap(), (Outcome::Ask, vec!["test:2".into()]));
        assert_eq!(ask(&c, 0, "/a", &[]).unwrap().0, Outcome::Permit);
        assert!(refusal("@ask forbid(principal, action, resource);").contains("@ask"));
    }

    #[test]
    fn refusals_name_file_line_and_column() {
        assert!(refusal("\n  permit(principal, actoin, resource);").starts_with("p/test.cedar:2:"));
        let unknown = refusal("permit(principal, action, resource)\nwhen { context.nope == 1 };");
        assert!(unknown.starts_with("p/test.cedar:2:8: "), "{unknown}");
        assert!(refusal("\npermit(principal == ?principal, action, resource);").starts_with("p/test.cedar:2:1: policy without @id is a template"));
        assert!(refusal(&format!("@id(\"x\") {ALL}\n@id(\"x\") {ALL}")).starts_with("p/test.cedar:2:1: the id x is taken"));
        assert!(refusal(&format!("@id(\"\") {ALL}")).contains("empty @id"));
        assert!(refusal("permit(principal, action, resource in Aegis::Resource::\"/a/\");").contains("\"/a/\""));
        assert!(refusal("permit(principal, action == Aegis::Action::\"FileReads\", resource);").contains("FileReads"));
    }

    #[test]
    fn deep_but_bounded_policies_survive_small_stacks() {
        let chain = format!("permit(principal, action, resource) when {{ context.pid == 7{} }};", " && context.pid == 7".repeat(240));
        let nested = format!("permit(principal, action, resource) when {{ {}true{} }};", "(".repeat(60), ")".repeat(60));
        let conditional = format!("permit(principal, action, resource) when {{ {} true }};", "if context.pid == 7 then true else ".repeat(150));
        for text in [chain, nested, conditional] {
            let c = loaded(&text).unwrap();
            let run = move || ask(&c, 0, "/a", &[]).map(|a| a.0);
            let outcome = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
            assert_eq!(outcome, Ok(Outcome::Permit));
        }
    }
}
