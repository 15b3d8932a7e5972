//! A loaded set of Cedar policies, and its evaluation over an index.

use crate::schema::{self, ACTIONS};
use cedar_policy::{
    Context, EntityId, EntityTypeName, EntityUid, Policy, Request, RestrictedExpression,
};
use cedar_policy_core::ast;
use cedar_policy_core::ast::{EntityUID, Expr, Literal, PartialValue, SlotEnv, ValueKind};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

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
    /// The source it comes from, by number, its bytes in that text, and the line it begins on.
    pub source: usize,
    pub bytes: Range<usize>,
    pub line: usize,
    pub reason: String,
    pub forbid: bool,
    pub ask: bool,
    pub opaque: bool,
    pub applies: bool,
    pub actions: u32,
    pub reads: u32,
    /// It names a group of actions.
    pub grouped: bool,
    /// It applies nowhere outside `roots`.
    pub bounded: bool,
    pub roots: Vec<Root>,
    /// Subtrees in which it applies to nothing, but perhaps in and above these.
    pub excluded: Vec<Root>,
    pub excluded_but: Vec<Root>,
    /// It mentions a group of names.
    pub by_name: bool,
    /// It applies to everything in them (everywhere, if not bounded).
    pub total: bool,
    pub fails: Fails,
}

/// Where evaluating a policy could fail; any failure refuses the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    Never = 0,
    InItsPlaces = 1,
    Anywhere = 2,
}

/// Policies that may apply to the same actions in the same places are found together.
struct Group {
    actions: u32,
    /// Forbids of everything in their places, which hold behind links too.
    wide: bool,
    /// Their conditions, heads included, as Cedar evaluates them: it would put them together anew for
    /// each request. By their places in `Cedar::info`.
    policies: Vec<(u32, Expr)>,
}

#[derive(Default)]
pub struct Index {
    groups: Vec<Group>,
    /// The groups by their actions, width and places (none: anywhere).
    group_index: HashMap<(u32, bool, Vec<u32>), u32>,
    /// Groups whose policies may apply to any resource.
    anywhere: Vec<u32>,
    /// Groups by the mentions that their policies are confined to.
    by_mention: HashMap<u32, Vec<u32>>,
    /// Attributes read, for each action.
    reads: [u32; ACTIONS.len()],
    /// Actions for which some policy names a group.
    grouped: u32,
}

impl Index {
    /// Files a policy under its places (none: anywhere).
    pub fn add(&mut self, policy: &Policy, number: u32, info: &Info, places: Vec<u32>) {
        for (action, reads) in self.reads.iter_mut().enumerate() {
            *reads |= if info.actions & 1 << action != 0 { info.reads } else { 0 };
        }
        self.grouped |= if info.grouped { info.actions } else { 0 };
        let group = self.group(info.actions, info.forbid && info.total, places);
        self.groups[group as usize].policies.push((number, policy.as_ref().condition()));
    }

    /// The group of policies for these actions and places, made if there is none yet.
    fn group(&mut self, actions: u32, wide: bool, places: Vec<u32>) -> u32 {
        let next = self.groups.len() as u32;
        let group = *self.group_index.entry((actions, wide, places.clone())).or_insert(next);
        if group == next {
            self.groups.push(Group { actions, wide, policies: vec![] });
            if places.is_empty() {
                self.anywhere.push(group);
            }
            for place in places {
                self.by_mention.entry(place).or_default().push(group);
            }
        }
        group
    }

    /// The groups whose policies may apply to a question, each once.
    fn candidates(&self, question: &Question) -> Vec<u32> {
        let mut found = self.anywhere.clone();
        let at = |mention: &u32| self.by_mention.get(mention).into_iter().flatten().copied();
        found.extend(question.ancestors.iter().flat_map(at));
        found.extend(
            question.linked.iter().flat_map(at).filter(|&group| self.groups[group as usize].wide),
        );
        found.retain(|&group| self.groups[group as usize].actions & 1 << question.action != 0);
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// An action, and what `in` has to know of it where policies name groups.
pub(crate) struct Action {
    pub uid: EntityUid,
    pub groups: Vec<EntityUid>,
    pub entity: ast::Entity,
}

impl Action {
    pub fn new(kind: &EntityTypeName, name: &str) -> Self {
        let groups: Vec<EntityUid> = schema::groups_of(name).map(|id| uid(kind, id)).collect();
        let ancestors = groups.iter().map(|group| group.clone().into()).collect();
        let entity = closed_entity(uid(kind, name).into(), None, ancestors);
        Action { uid: uid(kind, name), groups, entity }
    }

    /// Whether `uid` is the action or a group that it is in.
    pub fn is_in(&self, uid: &EntityUid) -> bool {
        self.uid == *uid || self.groups.contains(uid)
    }
}

pub struct Cedar {
    pub info: Vec<Info>,
    /// Names of resources that policies mention, aliases resolved.
    pub mentions: Vec<String>,
    pub(crate) mention_uids: Vec<EntityUID>,
    pub(crate) index: Index,
    pub(crate) agent: EntityUid,
    pub(crate) actions: Vec<Action>,
    pub(crate) resource_type: EntityTypeName,
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

pub(crate) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// An entity with all its ancestors, and with the attribute `path` where it is read.
fn closed_entity(uid: EntityUID, path: Option<&str>, above: HashSet<EntityUID>) -> ast::Entity {
    let attributes = path.map(|path| ("path".into(), PartialValue::from(ast::Value::from(path))));
    ast::Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), above, [])
}

impl Cedar {
    /// Attributes that policies which may apply to an action read.
    pub fn reads(&self, action: usize) -> u32 {
        self.index.reads.get(action).copied().unwrap_or(schema::READS_ALL)
    }

    /// The outcome and the indices of the policies that determined it; an error of any policy that
    /// could apply is an error.
    pub fn evaluate(&self, question: &Question) -> Result<(Outcome, Vec<u32>), String> {
        let action = self.actions.get(question.action).ok_or("an unknown action")?;
        let reads = self.reads(question.action);
        let resource = uid(&self.resource_type, question.resource);
        let entities = self.entities(question, question.ancestors, &resource, reads)?;
        let both = [question.ancestors, question.linked].concat();
        let behind_links = if question.linked.is_empty() {
            None
        } else {
            Some(self.entities(question, &both, &resource, reads)?)
        };
        let context = context_of(question, reads)?;
        let request = Request::new(self.agent.clone(), action.uid.clone(), resource, context, None)
            .map_err(|e| e.to_string())?;
        let evaluator = |entities| {
            Evaluator::new(request.as_ref().clone(), entities, Extensions::all_available())
        };
        let (here, behind) = (evaluator(&entities), behind_links.as_ref().map(evaluator));
        let mut found = Found::default();
        for group in self.index.candidates(question) {
            let group = &self.index.groups[group as usize];
            let world = behind.as_ref().filter(|_| group.wide).unwrap_or(&here);
            self.run(&group.policies, world, &mut found)?;
        }
        Ok(found.outcome(&self.info))
    }

    fn entities(
        &self,
        question: &Question,
        ancestors: &[u32],
        resource: &EntityUid,
        reads: u32,
    ) -> Result<Entities, String> {
        let resource: &EntityUID = resource.as_ref();
        let mut above = HashSet::with_capacity(ancestors.len());
        for &index in ancestors {
            let ancestor = self.mention_uids.get(index as usize).ok_or("an unknown mention")?;
            if ancestor != resource {
                above.insert(ancestor.clone());
            }
        }
        let path = (reads & schema::READS_PATH != 0).then_some(question.resource);
        let entity = closed_entity(resource.clone(), path, above);
        let grouped = self.index.grouped & 1 << question.action != 0;
        let action = self.actions.get(question.action).filter(|_| grouped);
        // Each entity names all its ancestors: computing them again took half of an evaluation.
        Entities::from_entities(
            std::iter::once(entity).chain(action.map(|a| a.entity.clone())),
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .map_err(|e| e.to_string())
    }

    /// What the authorizer does with each policy, but for errors: it skips them.
    fn run(
        &self,
        policies: &[(u32, Expr)],
        evaluator: &Evaluator,
        found: &mut Found,
    ) -> Result<(), String> {
        for (number, condition) in policies {
            let info = &self.info[*number as usize];
            let failed = |why: &dyn std::fmt::Display| format!("policy {}: {why}", info.id);
            let value = evaluator.interpret(condition, &SlotEnv::new()).map_err(|e| failed(&e))?;
            match value.value {
                ValueKind::Lit(Literal::Bool(false)) => {}
                ValueKind::Lit(Literal::Bool(true)) if info.forbid => found.forbids.push(*number),
                ValueKind::Lit(Literal::Bool(true)) => found.permits.push(*number),
                _ => return Err(failed(&"its condition is neither true nor false")),
            }
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
        let asking: Vec<u32> =
            self.permits.iter().copied().filter(|&i| info[i as usize].ask).collect();
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
        pairs.push((
            "argv".into(),
            RestrictedExpression::new_set(argv.iter().map(|argument| string(argument))),
        ));
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
