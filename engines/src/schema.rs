//! The schema every policy is validated against, and the names it gives to actions and attributes.

/// Actions in the order of `aegis::policy::Action`.
pub const ACTIONS: [&str; 9] = [
    "FileRead",
    "FileWrite",
    "FileDelete",
    "DirCreate",
    "DirList",
    "NetConnect",
    "ToolCall",
    "ProcessSpawn",
    "ProcessExit",
];
/// Groups of actions with the members that `in` finds, groups in groups flattened: what `TEXT` says
/// (held against it by a test), at hand without parsing it.
pub const GROUPS: [(&str, &[&str]); 4] = [
    ("Read", &["FileRead", "DirList"]),
    ("Write", &["FileWrite", "FileDelete", "DirCreate"]),
    ("File", &["FileRead", "DirList", "FileWrite", "FileDelete", "DirCreate"]),
    ("Process", &["ProcessSpawn", "ProcessExit"]),
];
pub const AGENT: &str = "Aegis::Agent";
pub const ACTION: &str = "Aegis::Action";
pub const RESOURCE: &str = "Aegis::Resource";

/// Attributes a policy can read, as bits (AEGIS_READS_* of the header).
pub const ATTRIBUTES: [(&str, u32); 7] = [
    ("path", 1),
    ("pid", 2),
    ("exe", 4),
    ("argv", 8),
    ("host", 16),
    ("port", 32),
    ("protocol", 64),
];
pub const READS_ALL: u32 = 127;
pub const READS_PATH: u32 = 1;

pub const TEXT: &str = r#"namespace Aegis {
  entity Agent;
  entity Resource in [Resource] { path: String };
  type Caller = { pid: Long, exe?: String };
  action File, Process;
  action Read, Write in [File];
  action FileRead, DirList in [Read]
    appliesTo { principal: [Agent], resource: [Resource], context: Caller };
  action FileWrite, FileDelete, DirCreate in [Write]
    appliesTo { principal: [Agent], resource: [Resource], context: Caller };
  action ProcessExit in [Process]
    appliesTo { principal: [Agent], resource: [Resource], context: Caller };
  action ProcessSpawn in [Process]
    appliesTo { principal: [Agent], resource: [Resource],
                context: { pid: Long, exe?: String, argv?: Set<String> } };
  action ToolCall
    appliesTo { principal: [Agent], resource: [Resource], context: Caller };
  action NetConnect
    appliesTo { principal: [Agent], resource: [Resource],
                context: { pid: Long, exe?: String, host?: String, port?: Long, protocol?: String } };
}
"#;

/// The groups that an action is in.
pub fn groups_of(action: &str) -> impl Iterator<Item = &'static str> + '_ {
    GROUPS.iter().filter(move |(_, members)| members.contains(&action)).map(|(group, _)| *group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};
    use std::collections::BTreeSet;
    use std::str::FromStr;

    #[test]
    fn the_groups_are_those_of_the_schema() {
        let (schema, _) = Schema::from_cedarschema_str(TEXT).unwrap();
        let entities = schema.action_entities().unwrap();
        assert_eq!(entities.len(), ACTIONS.len() + GROUPS.len());
        let kind = EntityTypeName::from_str(ACTION).unwrap();
        for action in ACTIONS {
            let uid = EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(action));
            let of_schema: BTreeSet<&str> =
                entities.ancestors(&uid).unwrap().map(|group| group.id().unescaped()).collect();
            assert_eq!(groups_of(action).collect::<BTreeSet<_>>(), of_schema, "{action}");
        }
    }
}
