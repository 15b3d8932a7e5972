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
  action FileRead, FileWrite, FileDelete, DirCreate, DirList, ToolCall, ProcessExit
    appliesTo { principal: [Agent], resource: [Resource], context: { pid: Long, exe?: String } };
  action ProcessSpawn
    appliesTo { principal: [Agent], resource: [Resource],
                context: { pid: Long, exe?: String, argv?: Set<String> } };
  action NetConnect
    appliesTo { principal: [Agent], resource: [Resource],
                context: { pid: Long, exe?: String, host?: String, port?: Long, protocol?: String } };
}
"#;
