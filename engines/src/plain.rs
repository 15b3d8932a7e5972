//! Cedar without an index of ours: one set of all policies, one store of entities, the authorizer as
//! it is. What the index is held against, and what Cedar's own cases are run through. It shares the
//! bounds and the parser with `load`.

use crate::load::{on_large_stack, ordinal, Parser, Source};
use crate::schema;
use crate::share::Piece;
use cedar_policy::*;
use std::collections::HashMap;
use std::str::FromStr;

pub struct Plain {
    policies: PolicySet,
    /// The number of policies, and whether all pass strict validation.
    pub count: usize,
    pub valid: bool,
    schema: Schema,
    entities: Entities,
    /// The types of the schema by their names: parsing a name takes longer than evaluating a policy.
    types: HashMap<String, EntityTypeName>,
    authorizer: Authorizer,
}

/// An entity's type and id.
pub type Name<'a> = (&'a str, &'a str);

pub struct Question<'a> {
    pub principal: Name<'a>,
    pub action: Name<'a>,
    pub resource: Name<'a>,
    /// A JSON object.
    pub context: &'a str,
}

/// Policies by their place in the text, ascending.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub allow: bool,
    pub determining: Vec<u32>,
    pub erring: Vec<u32>,
}

/// `schema` in Cedar's syntax (empty: the schema of Aegis), `entities` as a JSON array.
pub fn load(schema: &str, policies: &str, entities: &str) -> Result<Plain, String> {
    let schema = if schema.is_empty() { schema::TEXT } else { schema };
    on_large_stack(|| read(schema, policies, entities))?
}

fn read(schema: &str, policies: &str, entities: &str) -> Result<Plain, String> {
    let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|e| e.to_string())?;
    let parser = Parser::over(&schema);
    let source = Source { file: "policies", text: policies, validated: false };
    let parsed = parser.read(&Piece::whole(&source, 0))?;
    let valid = parsed.iter().all(|p| parser.validate(&source, &p.policy).is_ok());
    Ok(Plain {
        count: parsed.len(),
        valid,
        policies: PolicySet::from_policies(parsed.into_iter().map(|p| p.policy))
            .map_err(|e| e.to_string())?,
        entities: Entities::from_json_str(entities, Some(&schema)).map_err(|e| e.to_string())?,
        types: schema
            .entity_types()
            .chain(schema.actions().map(EntityUid::type_name))
            .map(|kind| (kind.to_string(), kind.clone()))
            .collect(),
        schema,
        authorizer: Authorizer::new(),
    })
}

fn places<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Result<Vec<u32>, String> {
    let mut places = ids
        .map(|id| ordinal(id).map(|place| place as u32).ok_or("an unnumbered policy".to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    places.sort_unstable();
    Ok(places)
}

impl Plain {
    fn entity(&self, (kind, id): Name) -> Result<EntityUid, String> {
        let kind = match self.types.get(kind) {
            Some(known) => known.clone(),
            None => EntityTypeName::from_str(kind).map_err(|e| e.to_string())?,
        };
        Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
    }

    pub fn evaluate(&self, question: &Question) -> Result<Answer, String> {
        let action = self.entity(question.action)?;
        let context = Context::from_json_str(question.context, Some((&self.schema, &action)))
            .map_err(|e| e.to_string())?;
        let request = Request::new(
            self.entity(question.principal)?,
            action,
            self.entity(question.resource)?,
            context,
            Some(&self.schema),
        )
        .map_err(|e| e.to_string())?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        let diagnostics = response.diagnostics();
        let erring = diagnostics.errors().map(|AuthorizationError::PolicyEvaluationError(e)| e);
        Ok(Answer {
            allow: response.decision() == Decision::Allow,
            determining: places(diagnostics.reason())?,
            erring: places(erring.map(|e| e.policy_id()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTITIES: &str = r#"[
      {"uid": {"type": "Aegis::Resource", "id": "/a"}, "attrs": {"path": "/a"}, "parents": []},
      {"uid": {"type": "Aegis::Resource", "id": "/a/b"}, "attrs": {"path": "/a/b"},
       "parents": [{"type": "Aegis::Resource", "id": "/a"}]}]"#;

    fn ask(policies: &str, context: &str) -> Result<Answer, String> {
        load("", policies, ENTITIES)?.evaluate(&Question {
            principal: ("Aegis::Agent", "a"),
            action: ("Aegis::Action", "FileRead"),
            resource: ("Aegis::Resource", "/a/b"),
            context,
        })
    }

    #[test]
    fn it_answers_with_all_that_determined_or_erred() {
        let policies = r#"permit(principal, action, resource in Aegis::Resource::"/a");
            permit(principal, action in Aegis::Action::"Write", resource);
            permit(principal, action in Aegis::Action::"File", resource);
            forbid(principal, action, resource)
              when { context.pid + 9223372036854775807 > 0 };"#;
        let answer = Answer { allow: true, determining: vec![0, 2], erring: vec![3] };
        assert_eq!(ask(policies, r#"{"pid": 7}"#), Ok(answer));
    }

    #[test]
    fn it_refuses_what_the_schema_does_not_know() {
        let all = "permit(principal, action, resource);";
        assert!(ask(all, r#"{"pid": 7}"#).is_ok());
        assert!(ask(all, r#"{"pid": "7"}"#).is_err());
        assert!(ask(all, "{").is_err());
        assert!(load("entity", all, "[]").is_err());
        assert!(load("", all, "[{}]").is_err());
        assert!(load("", "permit(", "[]").is_err());
        assert!(load("", "permit(principal == ?principal, action, resource);", "[]").is_err());
    }

    #[test]
    fn invalid_policies_are_known_as_such() {
        assert!(load("", "permit(principal, action, resource);", "[]").unwrap().valid);
        let nope = load("", "permit(principal, action, resource) when { context.nope };", "[]");
        assert!(!nope.unwrap().valid);
    }
}
