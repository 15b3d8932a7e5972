//! The C interface of `include/aegis_engines.h`. Every entry point that runs engine code catches
//! panics; all `unsafe` of the crate stands here.

mod bounds;
mod cedar;
mod facts;
mod hosts;
mod load;
mod loader;
mod names;
mod plain;
mod prepare;
mod schema;
mod share;
#[cfg(test)]
mod tests;

use cedar::{Cedar, Outcome, Question, Root};
use load::Source;
use names::Aliases;
use plain::Plain;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::{ptr, slice, str};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AegisStr {
    data: *const u8,
    size: usize,
}

pub struct AegisText(String);

#[repr(C)]
pub struct AegisSource {
    file: AegisStr,
    text: AegisStr,
    validated: u8,
}

pub struct AegisCedar(Cedar);

#[repr(C)]
pub struct AegisPolicyInfo {
    id: AegisStr,
    file: AegisStr,
    source: usize,
    begin: usize,
    size: usize,
    line: usize,
    reason: AegisStr,
    roots: *const Root,
    root_count: usize,
    excluded: *const Root,
    excluded_count: usize,
    excluded_but: *const Root,
    excluded_but_count: usize,
    actions: u32,
    reads: u32,
    forbid: u8,
    ask: u8,
    opaque: u8,
    applies: u8,
    bounded: u8,
    total: u8,
    fails: u8,
    by_name: u8,
}

#[repr(C)]
pub struct AegisRequest {
    action: u32,
    resource: AegisStr,
    ancestors: *const u32,
    ancestor_count: usize,
    linked: *const u32,
    linked_count: usize,
    pid: i64,
    exe: AegisStr,
    argv: *const AegisStr,
    argv_count: usize,
    host: AegisStr,
    port: i64,
    protocol: AegisStr,
}

pub struct AegisPlain(Plain);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AegisEntity {
    kind: AegisStr,
    id: AegisStr,
}

#[repr(C)]
pub struct AegisPlainRequest {
    principal: AegisEntity,
    action: AegisEntity,
    resource: AegisEntity,
    context: AegisStr,
}

/// Where the places of policies go, and how many they are.
#[repr(C)]
pub struct AegisPlaces {
    places: *mut u32,
    count: usize,
}

const OUTCOME_ERROR: i32 = 3;
const NET_CONNECT: u32 = 5;
const PROCESS_SPAWN: u32 = 7;

impl AegisStr {
    fn of(text: &str) -> Self {
        AegisStr { data: text.as_ptr(), size: text.len() }
    }

    /// The text, or a message naming the first byte that is not UTF-8.
    unsafe fn get<'a>(self, what: &str) -> Result<&'a str, String> {
        str::from_utf8(view(self.data, self.size)).map_err(|e| {
            let valid = &view(self.data, self.size)[..e.valid_up_to()];
            let (line, column) = bounds::position(str::from_utf8(valid).unwrap_or(""), valid.len());
            format!("{what}:{line}:{column}: not valid UTF-8")
        })
    }
}

unsafe fn view<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 || data.is_null() {
        return &[];
    }
    slice::from_raw_parts(data, size)
}

unsafe fn unpack<'a>(cedar: *const AegisCedar) -> &'a Cedar {
    &(*cedar).0
}

/// Runs `body`; a failure or a panic goes to `error` as text.
unsafe fn guard<T>(
    error: *mut *mut AegisText,
    body: impl FnOnce() -> Result<T, String>,
) -> Option<T> {
    let message = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(message)) => message,
        Err(_) => "the policy engine failed".to_string(),
    };
    if !error.is_null() {
        *error = Box::into_raw(Box::new(AegisText(message)));
    }
    None
}

/// # Safety
/// `text` came from this library and has not been freed.
#[no_mangle]
pub unsafe extern "C" fn aegis_text_view(text: *const AegisText) -> AegisStr {
    AegisStr::of(&(*text).0)
}

/// # Safety
/// As for `aegis_text_view`; NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn aegis_text_free(text: *mut AegisText) {
    if !text.is_null() {
        drop(Box::from_raw(text));
    }
}

/// # Safety
/// The views are valid for their sizes; `error` may be written.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_load(
    sources: *const AegisSource,
    count: usize,
    agent: AegisStr,
    home: AegisStr,
    dir: AegisStr,
    error: *mut *mut AegisText,
) -> *mut AegisCedar {
    let loaded = guard(error, || {
        let mut parsed = Vec::with_capacity(count);
        for source in view(sources, count) {
            let file = source.file.get("name of a policy file")?;
            let validated = source.validated != 0;
            parsed.push(Source { file, text: source.text.get(file)?, validated });
        }
        let aliases = Aliases { home: home.get("home")?, dir: dir.get("dir")? };
        load::load(&parsed, agent.get("agent")?, &aliases)
    });
    loaded.map_or(ptr::null_mut(), |cedar| Box::into_raw(Box::new(AegisCedar(cedar))))
}

/// # Safety
/// `cedar` came from `aegis_cedar_load` and has not been freed; NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_free(cedar: *mut AegisCedar) {
    if !cedar.is_null() {
        // A panic in a destructor must not cross into C.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(cedar))));
    }
}

/// # Safety
/// `cedar` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_policy_count(cedar: *const AegisCedar) -> usize {
    unpack(cedar).info.len()
}

/// # Safety
/// `cedar` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_policy(
    cedar: *const AegisCedar,
    index: usize,
) -> AegisPolicyInfo {
    let info = match unpack(cedar).info.get(index) {
        Some(info) => info,
        None => std::process::abort(), // contract of the header
    };
    AegisPolicyInfo {
        id: AegisStr::of(&info.id),
        file: AegisStr::of(&info.file),
        source: info.source,
        begin: info.bytes.start,
        size: info.bytes.len(),
        line: info.line,
        reason: AegisStr::of(&info.reason),
        roots: info.roots.as_ptr(),
        root_count: info.roots.len(),
        excluded: info.excluded.as_ptr(),
        excluded_count: info.excluded.len(),
        excluded_but: info.excluded_but.as_ptr(),
        excluded_but_count: info.excluded_but.len(),
        actions: info.actions,
        reads: info.reads,
        forbid: info.forbid.into(),
        ask: info.ask.into(),
        opaque: info.opaque.into(),
        applies: info.applies.into(),
        bounded: info.bounded.into(),
        total: info.total.into(),
        fails: info.fails as u8,
        by_name: info.by_name.into(),
    }
}

/// # Safety
/// `cedar` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_mention_count(cedar: *const AegisCedar) -> usize {
    unpack(cedar).mentions.len()
}

/// # Safety
/// `cedar` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_mention(cedar: *const AegisCedar, index: usize) -> AegisStr {
    match unpack(cedar).mentions.get(index) {
        Some(mention) => AegisStr::of(mention),
        None => std::process::abort(), // contract of the header
    }
}

/// # Safety
/// `cedar` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_reads(cedar: *const AegisCedar, action: u32) -> u32 {
    unpack(cedar).reads(action as usize)
}

unsafe fn question<'a>(request: &'a AegisRequest) -> Result<Question<'a>, String> {
    let argv = if request.action == PROCESS_SPAWN {
        let arguments = view(request.argv, request.argv_count).iter().map(|s| s.get("argument"));
        Some(arguments.collect::<Result<_, _>>()?)
    } else {
        None
    };
    let net = if request.action == NET_CONNECT {
        Some((request.host.get("host")?, request.port, request.protocol.get("protocol")?))
    } else {
        None
    };
    Ok(Question {
        action: request.action as usize,
        resource: request.resource.get("resource")?,
        ancestors: view(request.ancestors, request.ancestor_count),
        linked: view(request.linked, request.linked_count),
        pid: request.pid,
        exe: request.exe.get("exe")?,
        argv,
        net,
    })
}

/// # Safety
/// `cedar` is a live handle, the request's views are valid, `policies` has room for all policies.
#[no_mangle]
pub unsafe extern "C" fn aegis_cedar_evaluate(
    cedar: *const AegisCedar,
    request: *const AegisRequest,
    policies: *mut u32,
    policy_count: *mut usize,
    error: *mut *mut AegisText,
) -> i32 {
    *policy_count = 0;
    let answer = guard(error, || unpack(cedar).evaluate(&question(&*request)?));
    let Some((outcome, found)) = answer else {
        return OUTCOME_ERROR;
    };
    ptr::copy_nonoverlapping(found.as_ptr(), policies, found.len());
    *policy_count = found.len();
    outcome as i32
}

impl AegisEntity {
    unsafe fn get<'a>(self) -> Result<plain::Name<'a>, String> {
        Ok((self.kind.get("type")?, self.id.get("id")?))
    }
}

impl AegisPlaces {
    unsafe fn set(&mut self, found: &[u32]) {
        ptr::copy_nonoverlapping(found.as_ptr(), self.places, found.len());
        self.count = found.len();
    }
}

/// # Safety
/// The views are valid for their sizes; `error` may be written.
#[no_mangle]
pub unsafe extern "C" fn aegis_plain_load(
    schema: AegisStr,
    policies: AegisStr,
    entities: AegisStr,
    error: *mut *mut AegisText,
) -> *mut AegisPlain {
    let loaded = guard(error, || {
        let entities = entities.get("entities")?;
        plain::load(schema.get("schema")?, policies.get("policies")?, entities)
    });
    loaded.map_or(ptr::null_mut(), |plain| Box::into_raw(Box::new(AegisPlain(plain))))
}

/// # Safety
/// `plain` came from `aegis_plain_load` and has not been freed; NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn aegis_plain_free(plain: *mut AegisPlain) {
    if !plain.is_null() {
        // A panic in a destructor must not cross into C.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(plain))));
    }
}

/// # Safety
/// `plain` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_plain_policy_count(plain: *const AegisPlain) -> usize {
    (*plain).0.count
}

/// # Safety
/// `plain` is a live handle.
#[no_mangle]
pub unsafe extern "C" fn aegis_plain_valid(plain: *const AegisPlain) -> u8 {
    (*plain).0.valid.into()
}

/// # Safety
/// `plain` is a live handle, the request's views are valid, both places have room for all policies.
#[no_mangle]
pub unsafe extern "C" fn aegis_plain_evaluate(
    plain: *const AegisPlain,
    request: *const AegisPlainRequest,
    determining: *mut AegisPlaces,
    erring: *mut AegisPlaces,
    error: *mut *mut AegisText,
) -> i32 {
    let answer = guard(error, || {
        let request = &*request;
        (*plain).0.evaluate(&plain::Question {
            principal: request.principal.get()?,
            action: request.action.get()?,
            resource: request.resource.get()?,
            context: request.context.get("context")?,
        })
    });
    let (allow, determined, erred) =
        answer.map_or((None, vec![], vec![]), |a| (Some(a.allow), a.determining, a.erring));
    (*determining).set(&determined);
    (*erring).set(&erred);
    allow
        .map_or(OUTCOME_ERROR, |allow| if allow { Outcome::Permit } else { Outcome::Forbid } as i32)
}
