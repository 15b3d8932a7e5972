//! What can be said of a policy alone, by whichever thread has read it.

use crate::cedar::{uid, Action, Fails, Info};
use crate::facts;
use crate::hosts;
use crate::load::Parsed;
use crate::names::{self, Aliases};
use crate::schema::{self, ACTIONS};
use crate::share::Piece;
use cedar_policy::*;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The mask of a policy that is about connections alone.
const CONNECTIONS: u32 = 1 << 5;

/// The entities that every policy may speak of.
pub struct Terms {
    pub agent: EntityUid,
    pub actions: Vec<Action>,
    pub resource_type: EntityTypeName,
}

/// A policy under its own id, with the names that requests use.
pub struct Prepared {
    pub policy: Policy,
    /// The resources that it mentions.
    pub mentions: Vec<String>,
    /// The places of `info`, which are empty there.
    pub roots: Vec<facts::Root>,
    pub excluded: facts::Excluded,
    pub info: Info,
    /// Outside of its roots it neither matches nor errs.
    pub confined: bool,
}

fn entity_type(name: &str) -> Result<EntityTypeName, String> {
    EntityTypeName::from_str(name).map_err(|e| e.to_string())
}

/// The policy without its text, which JSON and renaming would parse again.
fn without_text(policy: &Policy) -> Policy {
    Policy::from(policy.as_ref().clone())
}

/// `Policy::annotation` parses the name each time.
fn annotation<'a>(policy: &'a Policy, name: &str) -> Option<&'a str> {
    policy.annotations().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether a policy carries an annotation that says how to permit, whatever its value.
fn on_permit(policy: &Policy, id: &str, name: &str) -> Result<bool, String> {
    let carried = annotation(policy, name).is_some();
    match carried && policy.effect() == Effect::Forbid {
        true => Err(format!("policy {id}: @{name} stands on a permit only")),
        false => Ok(carried),
    }
}

/// The name of a policy: its annotation, or its file and its place (from 1) there.
fn identify(piece: &Piece, parsed: &Parsed) -> Result<String, String> {
    let stem = piece.source.file.rsplit('/').next().unwrap_or("");
    let stem = stem.strip_suffix(".cedar").unwrap_or(stem);
    match annotation(&parsed.policy, "id") {
        Some("") => Err("an empty @id".into()),
        Some(id) => Ok(id.to_string()),
        None => Ok(format!("{stem}:{}", parsed.ordinal + 1)),
    }
}

impl Terms {
    pub fn new(agent: &str) -> Result<Self, String> {
        let action_type = entity_type(schema::ACTION)?;
        Ok(Terms {
            agent: uid(&entity_type(schema::AGENT)?, agent),
            actions: ACTIONS.iter().map(|name| Action::new(&action_type, name)).collect(),
            resource_type: entity_type(schema::RESOURCE)?,
        })
    }

    pub fn prepare(
        &self,
        piece: &Piece,
        parsed: Parsed,
        aliases: &Aliases,
    ) -> Result<Prepared, String> {
        let id = identify(piece, &parsed)?;
        let named = without_text(&parsed.policy).new_id(PolicyId::new(&id));
        let literals = named.entity_literals();
        let grouped = self.name_group(&literals);
        let (policy, mentions) = self.resolve(named, literals, aliases)?;
        let forbid = policy.effect() == Effect::Forbid;
        let ask = on_permit(&policy, &id, "ask")?;
        let opaque = on_permit(&policy, &id, "opaque")?;
        let json = policy.to_json().map_err(|e| e.to_string())?;
        let reads = facts::reads_of(&json).map_err(|e| format!("policy {id}: {e}"))?;
        let region = facts::region_of(&json);
        let info = Info {
            file: piece.source.file.into(),
            source: piece.number,
            bytes: parsed.bytes,
            line: parsed.line,
            reason: annotation(&policy, "reason").unwrap_or("").into(),
            forbid,
            ask,
            opaque,
            applies: self.applies(&policy),
            actions: self.actions(&policy),
            reads,
            grouped,
            bounded: region.roots.is_some(),
            roots: vec![],
            excluded: vec![],
            excluded_but: vec![],
            by_name: facts::names_groups(&json),
            total: region.total,
            fails: fails(&policy, &json),
            id,
        };
        let confined = info.bounded && (headed(&policy) || info.total);
        let (roots, excluded) = (region.roots.unwrap_or_default(), facts::excluded_of(&json));
        Ok(Prepared { policy, mentions, roots, excluded, info, confined })
    }

    /// Replaces the names of resources by those that requests use, and tells which those are.
    fn resolve(
        &self,
        policy: Policy,
        mut literals: Vec<EntityUid>,
        aliases: &Aliases,
    ) -> Result<(Policy, Vec<String>), String> {
        let mut renamed = BTreeMap::new();
        let mut mentions = vec![];
        literals.retain(|literal| *literal.type_name() == self.resource_type);
        literals.sort();
        let actions = self.actions(&policy);
        for literal in literals {
            let name: &str = literal.id().unescaped();
            let path = names::resolve(name, aliases)
                .map_err(|why| format!("resource \"{name}\": {why}"))?;
            let checked = match path.starts_with(['/', '*']) {
                false if actions == CONNECTIONS => hosts::check_peer(&path),
                false if actions & CONNECTIONS != 0 => hosts::check_address(&path),
                _ => Ok(()),
            };
            checked.map_err(|why| format!("resource \"{name}\": {why}"))?;
            if path != name {
                renamed.insert(literal.clone(), uid(&self.resource_type, &path));
            }
            mentions.push(path);
        }
        if renamed.is_empty() {
            return Ok((policy, mentions));
        }
        let policy = policy.sub_entity_literals(renamed).map_err(|e| e.to_string())?;
        Ok((policy, mentions))
    }

    fn applies(&self, policy: &Policy) -> bool {
        match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
            PrincipalConstraint::In(u)
            | PrincipalConstraint::Eq(u)
            | PrincipalConstraint::IsIn(_, u) => u == self.agent,
        }
    }

    fn actions(&self, policy: &Policy) -> u32 {
        let chosen = match policy.action_constraint() {
            ActionConstraint::Any => return (1 << ACTIONS.len()) - 1,
            ActionConstraint::In(uids) => uids,
            ActionConstraint::Eq(uid) => vec![uid],
        };
        let is_chosen = |action: &Action| chosen.iter().any(|uid| action.is_in(uid));
        let bits = self.actions.iter().enumerate().filter(|(_, action)| is_chosen(action));
        bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// Strict validation leaves no other actions than those of the schema.
    fn name_group(&self, literals: &[EntityUid]) -> bool {
        let is_group = |uid| self.actions.iter().any(|action| action.groups.contains(uid));
        literals.iter().filter(|uid| *uid.type_name() != self.resource_type).any(is_group)
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
