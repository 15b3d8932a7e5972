//! Tests of loading and evaluation together.

use crate::cedar::{Cedar, Outcome, Question};
use crate::load::{load, Source};
use crate::names::Aliases;

fn loaded(text: &str) -> Result<Cedar, String> {
    load(
        &[Source { file: "p/test.cedar", text, validated: false }],
        "a",
        &Aliases { home: "/home/u", dir: "/home/u/app" },
    )
}

fn refusal(text: &str) -> String {
    loaded(text).err().unwrap_or_default()
}

fn ask(
    cedar: &Cedar,
    action: usize,
    resource: &str,
    ancestors: &[&str],
) -> Result<(Outcome, Vec<String>), String> {
    let index = |name: &&str| cedar.mentions.iter().position(|m| m == name).unwrap() as u32;
    let ancestors: Vec<u32> = ancestors.iter().map(index).collect();
    let question = Question {
        action,
        resource,
        ancestors: &ancestors,
        linked: &[],
        pid: 7,
        exe: "/bin/x",
        argv: None,
        net: None,
    };
    let (outcome, policies) = cedar.evaluate(&question)?;
    Ok((outcome, policies.into_iter().map(|p| cedar.info[p as usize].id.clone()).collect()))
}

const ALL: &str = "permit(principal, action, resource);";

#[test]
fn ids_are_annotations_or_positions() {
    let c = loaded(&format!(
        "{ALL}@id(\"x\") {ALL} // ;\n{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}{ALL}"
    ))
    .unwrap();
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
    assert_eq!(
        ask(&c, 0, "/home/u/app", &["/home/u"]).unwrap(),
        (Outcome::Permit, vec!["test:1".into()])
    );
    let exactly = ask(&c, 0, "/home/u/app/x", &["/home/u", "/home/u/app/x"]).unwrap();
    assert_eq!(exactly, (Outcome::Forbid, vec!["test:2".into()]));
    let below = ask(&c, 0, "/home/u/app/x/y", &["/home/u", "/home/u/app/x"]).unwrap();
    assert_eq!(below.0, Outcome::Permit);
}

#[test]
fn a_policy_with_two_roots_counts_once() {
    let text = "permit(principal, action, resource) when { resource in [Aegis::Resource::\"/a\", Aegis::Resource::\"/a/b\"] };";
    let c = loaded(text).unwrap();
    assert_eq!(
        ask(&c, 0, "/a/b/c", &["/a", "/a/b"]).unwrap(),
        (Outcome::Permit, vec!["test:1".into()])
    );
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
fn groups_of_actions_hold_their_members() {
    let head =
        |scope: &str| loaded(&format!("permit(principal, action in {scope}, resource);")).unwrap();
    let when = |test: &str| {
        loaded(&format!("permit(principal, action, resource) when {{ {test} }};")).unwrap()
    };
    for (group, members) in crate::schema::GROUPS {
        let group = format!("Aegis::Action::\"{group}\"");
        let sets = [
            head(&group),
            head(&format!("[Aegis::Action::\"ToolCall\", {group}]")),
            when(&format!("action in {group}")),
            when(&format!("!!(action in [{group}])")),
        ];
        for (set, extra) in sets.iter().zip([None, Some("ToolCall"), None, None]) {
            for (action, name) in crate::schema::ACTIONS.iter().enumerate() {
                let expected = members.contains(name) || extra == Some(name);
                let outcome = if expected { Outcome::Permit } else { Outcome::NoPermit };
                assert_eq!(ask(set, action, "/a", &[]).unwrap().0, outcome, "{group} {name}");
                assert!(!expected || set.info[0].actions & 1 << action != 0, "{group} {name}");
            }
        }
    }
    assert_eq!(head("Aegis::Action::\"Read\"").info[0].actions, 0b10001);
}

#[test]
fn no_action_equals_a_group() {
    let head = |scope: &str| refusal(&format!("permit(principal, action {scope}, resource);"));
    let when =
        |test: &str| refusal(&format!("permit(principal, action, resource) when {{ {test} }};"));
    let read = "Aegis::Action::\"Read\"";
    assert!(head(&format!("== {read}")).starts_with("p/test.cedar:1:1: no action fits"));
    assert!(when(&format!("true && action != {read}")).contains("the group Read"));
    assert!(when(&format!("{read} == action")).contains("the group Read"));
    assert!(head("in Aegis::Action::\"Reads\"").contains("Reads"));
    assert_eq!(when("action == Aegis::Action::\"FileRead\""), "");
    assert_eq!(head(&format!("in [{read}]")), "");
}

#[test]
fn other_agents_policies_are_listed_but_idle() {
    let c = loaded(&format!("forbid(principal == Aegis::Agent::\"b\", action, resource); {ALL}"))
        .unwrap();
    assert_eq!(c.info.len(), 2);
    assert!(!c.info[0].applies);
    assert_eq!(ask(&c, 0, "/a", &[]).unwrap().0, Outcome::Permit);
    let own = loaded("permit(principal == Aegis::Agent::\"a\", action, resource);").unwrap();
    assert_eq!(ask(&own, 0, "/a", &[]).unwrap().0, Outcome::Permit);
}

#[test]
fn a_permit_may_ask() {
    let c = loaded(&format!(
        "{ALL} @ask permit(principal, action == Aegis::Action::\"FileWrite\", resource);"
    ))
    .unwrap();
    assert_eq!(ask(&c, 1, "/a", &[]).unwrap(), (Outcome::Ask, vec!["test:2".into()]));
    assert_eq!(ask(&c, 0, "/a", &[]).unwrap().0, Outcome::Permit);
    assert!(refusal("@ask forbid(principal, action, resource);").contains("@ask"));
}

#[test]
fn a_permit_may_be_opaque() {
    let c = loaded(&format!("{ALL} @opaque {ALL} @opaque(\"ssh\") @ask {ALL}")).unwrap();
    let marks: Vec<(bool, bool)> = c.info.iter().map(|i| (i.opaque, i.ask)).collect();
    assert_eq!(marks, [(false, false), (true, false), (true, true)]);
    assert!(refusal("\n@id(\"no\") @opaque forbid(principal, action, resource);")
        .starts_with("p/test.cedar:2:1: policy no: @opaque stands on a permit only"));
}

#[test]
fn refusals_name_file_line_and_column() {
    assert!(refusal("\n  permit(principal, actoin, resource);").starts_with("p/test.cedar:2:"));
    let unknown = refusal("permit(principal, action, resource)\nwhen { context.nope == 1 };");
    assert!(unknown.starts_with("p/test.cedar:2:8: "), "{unknown}");
    assert!(refusal("\npermit(principal == ?principal, action, resource);")
        .starts_with("p/test.cedar:2:1: policy without @id is a template"));
    assert!(refusal(&format!("@id(\"x\") {ALL}\n@id(\"x\") {ALL}"))
        .starts_with("p/test.cedar:2:1: the id x is taken"));
    assert!(refusal(&format!("@id(\"\") {ALL}")).contains("empty @id"));
    assert!(refusal("permit(principal, action, resource in Aegis::Resource::\"/a/\");")
        .contains("\"/a/\""));
    assert!(refusal("permit(principal, action == Aegis::Action::\"FileReads\", resource);")
        .contains("FileReads"));
}

#[test]
fn deep_but_bounded_policies_survive_small_stacks() {
    let chain = format!(
        "permit(principal, action, resource) when {{ context.pid == 7{} }};",
        " && context.pid == 7".repeat(240)
    );
    let nested = format!(
        "permit(principal, action, resource) when {{ {}true{} }};",
        "(".repeat(60),
        ")".repeat(60)
    );
    let conditional = format!(
        "permit(principal, action, resource) when {{ {} true }};",
        "if context.pid == 7 then true else ".repeat(150)
    );
    for text in [chain, nested, conditional] {
        let c = loaded(&text).unwrap();
        let run = move || ask(&c, 0, "/a", &[]).map(|a| a.0);
        let outcome =
            std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
        assert_eq!(outcome, Ok(Outcome::Permit));
    }
}
