//! What can be said about a policy without evaluating it. Unsure means "reads everything".

use crate::schema::{ACTION, ATTRIBUTES, GROUPS, READS_ALL, READS_PATH, RESOURCE};
use serde_json::Value;

/// A part of the resources: one of them, or one with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub name: String,
    pub subtree: bool,
}

/// Where a policy can apply, as far as its resource tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Nowhere outside these; None: anywhere.
    pub roots: Option<Vec<Root>>,
    /// It applies everywhere in them, and being outside is all that its conditions test.
    pub total: bool,
}

/// The region of a policy.
pub fn region_of(policy: &Value) -> Region {
    let scope = scope_region(&policy["resource"]);
    let conditions = policy["conditions"].as_array().map_or(&[][..], |c| c.as_slice());
    match conditions {
        [] => scope,
        _ if scope.roots.is_some() => Region { total: false, ..scope },
        [only] if only["kind"] == "when" => region(&only["body"]),
        several => {
            let bounds =
                several.iter().filter(|c| c["kind"] == "when").map(|c| region(&c["body"]).roots);
            Region { roots: bounds.flatten().next(), total: false }
        }
    }
}

fn scope_region(scope: &Value) -> Region {
    let entity = match scope["op"].as_str() {
        Some("All") => return Region { roots: None, total: true },
        Some("==" | "in") => &scope["entity"],
        Some("is") if scope["in"].is_null() => return Region { roots: None, total: true },
        Some("is") => &scope["in"]["entity"],
        _ => return ANYWHERE,
    };
    match literal(entity) {
        Some(name) => within(vec![Root { name, subtree: scope["op"] != "==" }]),
        None => ANYWHERE,
    }
}

const ANYWHERE: Region = Region { roots: None, total: false };

fn within(roots: Vec<Root>) -> Region {
    Region { roots: Some(roots), total: true }
}

/// The name of an entity `{"type", "id"}` that is a resource, also as `{"__entity": …}`.
fn literal(entity: &Value) -> Option<String> {
    let entity = entity.get("__entity").unwrap_or(entity);
    (entity["type"] == RESOURCE).then(|| entity["id"].as_str().map(String::from))?
}

/// The resources of a literal, or of a set of literals.
fn literals(expr: &Value) -> Option<Vec<String>> {
    let node = expr.as_object().filter(|o| o.len() == 1)?;
    if let Some(items) = node.get("Set") {
        return items.as_array()?.iter().map(|item| literal(&item["Value"])).collect();
    }
    literal(node.get("Value")?).map(|name| vec![name])
}

fn roots(expr: &Value, subtree: bool) -> Region {
    let names = literals(expr);
    names.map_or(ANYWHERE, |names| {
        within(names.into_iter().map(|name| Root { name, subtree }).collect())
    })
}

fn region(expr: &Value) -> Region {
    let Some((kind, body)) =
        expr.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next())
    else {
        return ANYWHERE;
    };
    let (left, right) = (&body["left"], &body["right"]);
    match kind.as_str() {
        "in" if variable(left) == Some("resource") => roots(right, true),
        "==" if variable(left) == Some("resource") && right.get("Value").is_some() => {
            roots(right, false)
        }
        "==" if variable(right) == Some("resource") && left.get("Value").is_some() => {
            roots(left, false)
        }
        "&&" => {
            let bound = region(left).roots.or_else(|| region(right).roots);
            Region { roots: bound, total: false }
        }
        "||" => match (region(left), region(right)) {
            (Region { roots: Some(mut a), total: x }, Region { roots: Some(b), total: y }) => {
                a.extend(b);
                Region { roots: Some(a), total: x && y }
            }
            _ => ANYWHERE,
        },
        _ => ANYWHERE,
    }
}

/// Subtrees in which a policy applies to nothing, as one of its conditions says: `unless { resource in
/// X }`, `when { !(resource in X) }`. There may be more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    pub names: Vec<String>,
    /// In these, and where these lie, nothing is said: `unless { resource in X && !(resource in Y) }`.
    pub but: Vec<String>,
}

pub fn excluded_of(policy: &Value) -> Excluded {
    let mut excluded = Excluded::default();
    for condition in policy["conditions"].as_array().into_iter().flatten() {
        let body = &condition["body"];
        match condition["kind"] == "when" {
            true => denied(body, &mut excluded),
            false => held(body, &mut excluded),
        }
    }
    excluded
}

/// Collects subtrees in which an expression surely holds.
fn held(expr: &Value, found: &mut Excluded) {
    let Some((kind, body)) = node(expr) else { return };
    let (left, right) = (&body["left"], &body["right"]);
    match kind {
        "in" => found.names.extend(subtrees(expr).unwrap_or_default()),
        "||" => {
            held(left, found);
            held(right, found);
        }
        "&&" => {
            let negated = node(right).filter(|(kind, _)| *kind == "!");
            if let Some(but) = negated.and_then(|(_, body)| subtrees(&body["arg"])) {
                held(left, found);
                found.but.extend(but);
            }
        }
        "!" => denied(&body["arg"], found),
        _ => {}
    }
}

/// Collects subtrees in which an expression surely does not hold.
fn denied(expr: &Value, found: &mut Excluded) {
    let Some((kind, body)) = node(expr) else { return };
    match kind {
        "&&" => {
            denied(&body["left"], found);
            denied(&body["right"], found);
        }
        "!" => held(&body["arg"], found),
        _ => {}
    }
}

/// The names of `resource in X`.
fn subtrees(expr: &Value) -> Option<Vec<String>> {
    let (_, body) = node(expr).filter(|(kind, _)| *kind == "in")?;
    literals(&body["right"]).filter(|_| variable(&body["left"]) == Some("resource"))
}

fn node(expr: &Value) -> Option<(&str, &Value)> {
    let object = expr.as_object().filter(|o| o.len() == 1)?;
    object.iter().next().map(|(kind, body)| (kind.as_str(), body))
}

/// Whether a policy mentions a group of names ("*/PATTERN") anywhere.
pub fn names_groups(policy: &Value) -> bool {
    match policy {
        Value::Array(items) => items.iter().any(names_groups),
        Value::Object(fields) => {
            literal(policy).is_some_and(|name| name.starts_with("*/"))
                || fields.values().any(names_groups)
        }
        _ => false,
    }
}

/// Attributes (bits of `schema::ATTRIBUTES`) that the conditions of a policy read, or an error for a
/// construct that the index over resources does not model or that could never hold.
pub fn reads_of(policy: &Value) -> Result<u32, String> {
    let mut reads = Reads { bits: 0, odd_in: false, equals_group: None };
    for condition in policy["conditions"].as_array().into_iter().flatten() {
        reads.walk(&condition["body"]);
    }
    if reads.odd_in {
        return Err("only `principal`, `action` or `resource` may stand on the left of `in`".into());
    }
    match reads.equals_group {
        Some(group) => Err(format!("no action equals the group {group}: write `action in`")),
        None => Ok(reads.bits),
    }
}

struct Reads {
    bits: u32,
    odd_in: bool,
    equals_group: Option<&'static str>,
}

fn variable(expr: &Value) -> Option<&str> {
    expr.as_object().filter(|o| o.len() == 1)?.get("Var")?.as_str()
}

impl Reads {
    fn walk(&mut self, expr: &Value) {
        let Some(node) = expr.as_object().filter(|o| o.len() == 1) else {
            return self.children(expr);
        };
        for (kind, body) in node {
            match kind.as_str() {
                "Value" => {}
                "Var" => self.bare(body.as_str()),
                "." | "has" => self.attribute(body),
                "in" => {
                    self.odd_in |= variable(&body["left"]).is_none_or(|v| v == "context");
                    self.walk(&body["right"]);
                }
                "==" | "!=" => {
                    self.group(&body["left"]["Value"]);
                    self.group(&body["right"]["Value"]);
                    self.operand(&body["left"], &body["right"]);
                    self.operand(&body["right"], &body["left"]);
                }
                "is" => {
                    if variable(&body["left"]).is_none_or(|v| v == "context") {
                        self.walk(&body["left"]);
                    }
                    self.walk(&body["in"]);
                }
                "Record" => {
                    for value in body.as_object().into_iter().flat_map(|o| o.values()) {
                        self.walk(value);
                    }
                }
                _ => self.children(body),
            }
        }
    }

    fn children(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.walk(field)),
            _ => {}
        }
    }

    /// A variable as a whole, where the answer may depend on anything about it.
    fn bare(&mut self, name: Option<&str>) {
        self.bits |= match name {
            Some("principal" | "action") => 0,
            Some("resource") => READS_PATH,
            _ => READS_ALL,
        };
    }

    /// One side of an equality: a resource compared with a literal depends on the literal alone.
    fn operand(&mut self, side: &Value, other: &Value) {
        let literal = other.as_object().is_some_and(|o| o.len() == 1 && o.contains_key("Value"));
        if !(literal && variable(side) == Some("resource")) {
            self.walk(side);
        }
    }

    /// Notes an entity that is a group of actions.
    fn group(&mut self, entity: &Value) {
        let entity = entity.get("__entity").unwrap_or(entity);
        let group = GROUPS.iter().map(|(group, _)| *group).find(|group| entity["id"] == *group);
        if entity["type"] == ACTION {
            self.equals_group = self.equals_group.or(group);
        }
    }

    fn attribute(&mut self, body: &Value) {
        let name = body["attr"].as_str();
        let bit =
            ATTRIBUTES.iter().find(|(attribute, _)| Some(*attribute) == name).map(|(_, bit)| *bit);
        self.bits |= bit.unwrap_or(READS_ALL);
        if variable(&body["left"]).is_none() {
            self.walk(&body["left"]);
        }
    }
}

/// Whether evaluating the conditions of a policy could fail, for what the schema admits. Arithmetic
/// overflows; what is not known here might.
pub fn may_fail(policy: &Value) -> bool {
    policy["conditions"].as_array().into_iter().flatten().any(|c| expression_may_fail(&c["body"]))
}

fn expression_may_fail(expr: &Value) -> bool {
    let Some((kind, body)) =
        expr.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next())
    else {
        return true;
    };
    let any = |names: &[&str]| names.iter().any(|name| expression_may_fail(&body[*name]));
    match kind.as_str() {
        "Value" | "Var" => false,
        "!" | "isEmpty" => any(&["arg"]),
        "==" | "!=" | "in" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "contains" | "containsAll"
        | "containsAny" => any(&["left", "right"]),
        "has" | "like" => any(&["left"]),
        "is" => any(&["left"]) || (!body["in"].is_null() && any(&["in"])),
        "if-then-else" => any(&["if", "then", "else"]),
        // Validation has seen that the attribute is there; of an entity named in the text it can't.
        "." => variable(&body["left"]).is_none(),
        "Set" => body.as_array().is_none_or(|items| items.iter().any(expression_may_fail)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::Policy;

    fn reads(condition: &str) -> Result<u32, String> {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        reads_of(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn attributes_are_found_wherever_they_stand() {
        assert_eq!(reads("resource in Aegis::Resource::\"/a\""), Ok(0));
        assert_eq!(reads("resource == Aegis::Resource::\"/a\""), Ok(0));
        assert_eq!(reads("resource is Aegis::Resource in Aegis::Resource::\"/a\""), Ok(0));
        assert_eq!(reads("resource.path like \"*.c\""), Ok(1));
        assert_eq!(reads("!(if context.pid > 1 then true else context has exe)"), Ok(6));
        assert_eq!(reads("{a: [context.port]}.a.contains(3)"), Ok(READS_ALL));
        assert_eq!(reads("context.argv.contains(\"-c\")"), Ok(8));
        assert_eq!(reads("{Value: context.pid} == {Value: 1}"), Ok(2));
    }

    fn region(text: &str) -> (Option<Vec<String>>, bool) {
        let region = region_of(&Policy::parse(None, text).unwrap().to_json().unwrap());
        let names = |roots: Vec<Root>| {
            roots
                .into_iter()
                .map(|r| format!("{}{}", if r.subtree { "" } else { "=" }, r.name))
                .collect()
        };
        (region.roots.map(names), region.total)
    }

    fn some(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|n| n.to_string()).collect())
    }

    #[test]
    fn regions_come_from_head_and_conditions() {
        let when = |condition: &str| {
            let condition = condition.replace("R:", "Aegis::Resource::");
            region(&format!("permit(principal, action, resource) when {{ {condition} }};"))
        };
        let head = |scope: &str| {
            region(&format!(
                "permit(principal, action, resource {});",
                scope.replace("R:", "Aegis::Resource::")
            ))
        };
        assert_eq!(head(""), (None, true));
        assert_eq!(head("in R:\"/a\""), (some(&["/a"]), true));
        assert_eq!(head("== R:\"/a\""), (some(&["=/a"]), true));
        assert_eq!(head("is Aegis::Resource"), (None, true));
        assert_eq!(head("is Aegis::Resource in R:\"/a\""), (some(&["/a"]), true));
        assert_eq!(when("resource in [R:\"/a\", R:\"/b\"]"), (some(&["/a", "/b"]), true));
        assert_eq!(
            when("resource in R:\"/a\" || resource == R:\"/b\""),
            (some(&["/a", "=/b"]), true)
        );
        assert_eq!(when("resource in R:\"/a\" && context.pid > 1"), (some(&["/a"]), false));
        assert_eq!(when("context.pid > 1 && R:\"/a\" == resource"), (some(&["=/a"]), false));
        assert_eq!(when("resource in R:\"/a\" || context.pid > 1"), (None, false));
        assert_eq!(when("!(resource in R:\"/a\")"), (None, false));
        assert_eq!(when("resource in (if true then R:\"/a\" else R:\"/b\")"), (None, false));
        let two = "permit(principal, action, resource in Aegis::Resource::\"/a\") when { true };";
        assert_eq!(region(two), (some(&["/a"]), false));
        let unless =
            "forbid(principal, action, resource) unless { resource in Aegis::Resource::\"/a\" };";
        assert_eq!(region(unless), (None, false));
        let both = "forbid(principal, action, resource) when { true } when { resource in Aegis::Resource::\"/a\" };";
        assert_eq!(region(both), (some(&["/a"]), false));
    }

    #[test]
    fn exceptions_come_from_unless_and_not() {
        let excluded = |conditions: &str| {
            let text = format!("forbid(principal, action, resource) {conditions};")
                .replace("R:", "Aegis::Resource::");
            excluded_of(&Policy::parse(None, text).unwrap().to_json().unwrap()).names
        };
        assert_eq!(excluded("unless { resource in [R:\"/a\", R:\"/b\"] }"), ["/a", "/b"]);
        assert_eq!(excluded("unless { resource in R:\"/a\" || context.pid > 1 }"), ["/a"]);
        assert_eq!(excluded("when { context.pid > 1 && !(resource in R:\"/a\") }"), ["/a"]);
        assert_eq!(
            excluded("unless { resource in R:\"/a\" } unless { !!(resource in R:\"/b\") }"),
            ["/a", "/b"]
        );
        for none in [
            "",
            "when { resource in R:\"/a\" }",
            "unless { resource in R:\"/a\" && context.pid > 1 }",
            "unless { resource == R:\"/a\" }",
            "unless { resource in R:\"/a\" && resource in R:\"/b\" }",
            "when { !(resource in R:\"/a\") || context.pid > 1 }",
            "unless { !(resource in R:\"/a\") }",
        ] {
            assert!(excluded(none).is_empty(), "{none}");
        }
        let text = "forbid(principal, action, resource) unless {
            resource in Aegis::Resource::\"/a\" && !(resource in [Aegis::Resource::\"/a/b\"]) };";
        assert_eq!(
            excluded_of(&Policy::parse(None, text).unwrap().to_json().unwrap()),
            Excluded { names: vec!["/a".into()], but: vec!["/a/b".into()] }
        );
    }

    #[test]
    fn groups_of_names_are_found_wherever_they_stand() {
        let groups = |text: &str| {
            let text = text.replace("R:", "Aegis::Resource::");
            names_groups(&Policy::parse(None, text).unwrap().to_json().unwrap())
        };
        let permit = "permit(principal, action, resource";
        assert!(groups(&format!("{permit} in R:\"*/x\");")));
        assert!(groups(&format!("{permit}) unless {{ resource in [R:\"*/x\"] }};")));
        assert!(groups(&format!("{permit}) when {{ [R:\"*/x\"].contains(resource) }};")));
        assert!(!groups(&format!("{permit} in R:\"/x\");")));
    }

    #[test]
    fn arithmetic_may_fail_and_comparisons_may_not() {
        let fails = |condition: &str| {
            let text = format!("permit(principal, action, resource) when {{ {condition} }};");
            may_fail(&Policy::parse(None, text).unwrap().to_json().unwrap())
        };
        for safe in [
            "true",
            "resource in [Aegis::Resource::\"/a\"] && !(resource == Aegis::Resource::\"/a\")",
            "context has exe && context.exe == \"/bin/x\" || context.pid >= 1",
            "if context.pid != 1 then resource.path like \"*.c\" else false",
            "resource is Aegis::Resource in Aegis::Resource::\"/a\"",
            "[1, 2].contains(context.pid) || [context.pid].isEmpty()",
        ] {
            assert!(!fails(safe), "{safe}");
        }
        for unsafe_one in [
            "context.pid + 1 > 0",
            "context.pid * 2 == 4",
            "true || 1 - context.pid > 0",
            "[-context.pid].contains(1)",
            "Aegis::Resource::\"/a\".path like \"*\"",
            "ip(\"10.0.0.1\").isLoopback()",
        ] {
            assert!(fails(unsafe_one), "{unsafe_one}");
        }
        let text = "permit(principal, action, resource in Aegis::Resource::\"/a\");";
        assert!(!may_fail(&Policy::parse(None, text).unwrap().to_json().unwrap()));
    }

    #[test]
    fn whole_variables_read_all_of_them() {
        assert_eq!(reads("[Aegis::Resource::\"/a\"].contains(resource)"), Ok(READS_PATH));
        assert_eq!(reads("context == {pid: 1}"), Ok(READS_ALL));
        assert_eq!(reads("context has nonsense"), Ok(READS_ALL));
    }

    #[test]
    fn a_literal_left_of_in_is_refused() {
        assert!(reads("Aegis::Resource::\"/a\" in resource").is_err());
        assert!(reads("(if true then resource else resource) in Aegis::Resource::\"/a\"").is_err());
        assert!(reads("true && ({r: resource}.r in resource)").is_err());
    }
}
