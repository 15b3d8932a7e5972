#ifndef AEGIS_ENGINES_H_
#define AEGIS_ENGINES_H_

/* The policy engines (Rust) behind one C header.
 *
 * Ownership: what a function returns by pointer is freed by the function named for it, never by
 * free(). Strings passed in and out are views that are not NUL-terminated; those handed out live as
 * long as the object they came from. No function unwinds: a panic inside becomes an error. Handles
 * are immutable after loading. No function leaves a thread behind.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AegisStr {
  const char* data;
  size_t size;
} AegisStr;

/* A text made by the library, e.g. an error. */
typedef struct AegisText AegisText;
AegisStr aegis_text_view(const AegisText* text);
void aegis_text_free(AegisText* text); /* NULL is allowed */

typedef struct AegisSource {
  AegisStr file; /* as shown in errors; its base name without .cedar numbers policies without @id */
  AegisStr text;
  uint8_t validated; /* not 0: this very text is known to pass strict validation */
} AegisSource;

typedef struct AegisCedar AegisCedar;

/* Loads policies for one agent; `home` and `dir` stand for "~" and "@dir" (empty: not known).
 * NULL and *error "file:line:column: message" when they are refused. */
AegisCedar* aegis_cedar_load(const AegisSource* sources, size_t count, AegisStr agent,
                             AegisStr home, AegisStr dir, AegisText** error);
void aegis_cedar_free(AegisCedar* cedar); /* NULL is allowed */

enum AegisReads {
  AEGIS_READS_PATH = 1,
  AEGIS_READS_PID = 2,
  AEGIS_READS_EXE = 4,
  AEGIS_READS_ARGV = 8,
  AEGIS_READS_HOST = 16,
  AEGIS_READS_PORT = 32,
  AEGIS_READS_PROTOCOL = 64
};

/* A mentioned resource, alone or with all that lies below it. */
typedef struct AegisRoot {
  uint32_t mention;
  uint32_t subtree; /* 1: with all below */
} AegisRoot;

/* What is known of a policy without evaluating it. */
typedef struct AegisPolicyInfo {
  AegisStr id;
  AegisStr file;
  size_t source; /* the number of the source that it stands in */
  size_t begin;  /* its bytes there, from its first annotation or word to its `;` */
  size_t size;
  size_t line; /* it begins on, from 1 */
  AegisStr reason;
  const AegisRoot* roots; /* where it may apply, if bounded */
  size_t root_count;
  const AegisRoot* excluded; /* subtrees in which it applies to nothing; there may be more */
  size_t excluded_count;
  const AegisRoot* excluded_but; /* in these, and where these lie, nothing is said of that */
  size_t excluded_but_count;
  uint32_t actions; /* bit n: it may apply to action n */
  uint32_t reads;   /* AegisReads bits */
  uint8_t forbid;
  uint8_t ask;
  uint8_t opaque;  /* 1: a permit with @opaque */
  uint8_t applies; /* 0: its head names another agent */
  uint8_t bounded; /* 1: it applies nowhere outside its roots */
  uint8_t total;   /* 1: its actions on everything in its roots (anywhere, if not bounded) match */
  uint8_t fails;   /* where evaluating it could fail. 0: nowhere, 1: in its roots, 2: anywhere */
  uint8_t by_name; /* 1: it mentions a group of names ("*" "/PATTERN") */
} AegisPolicyInfo;

size_t aegis_cedar_policy_count(const AegisCedar* cedar);
AegisPolicyInfo aegis_cedar_policy(const AegisCedar* cedar, size_t index); /* index < count */

/* The resources that policies name anywhere, aliases resolved. */
size_t aegis_cedar_mention_count(const AegisCedar* cedar);
AegisStr aegis_cedar_mention(const AegisCedar* cedar, size_t index); /* index < count */

/* AegisReads bits of all policies that may apply to an action. */
uint32_t aegis_cedar_reads(const AegisCedar* cedar, uint32_t action);

typedef struct AegisRequest {
  uint32_t action; /* 0 FileRead, 1 FileWrite, 2 FileDelete, 3 DirCreate, 4 DirList, 5 NetConnect,
                      6 ToolCall, 7 ProcessSpawn, 8 ProcessExit */
  AegisStr resource;
  const uint32_t* ancestors; /* the mentions that are the resource or an ancestor of it */
  size_t ancestor_count;
  const uint32_t* linked; /* the mentions that lead to it or an ancestor of it by a link: forbids of
                             everything in a place (total) hold behind links too, others do not */
  size_t linked_count;
  int64_t pid;
  AegisStr exe;
  const AegisStr* argv; /* ProcessSpawn only */
  size_t argv_count;
  AegisStr host; /* NetConnect only, like port and protocol */
  int64_t port;
  AegisStr protocol;
} AegisRequest;

enum AegisOutcome {
  AEGIS_OUTCOME_PERMIT = 0,
  AEGIS_OUTCOME_FORBID = 1,
  AEGIS_OUTCOME_NO_PERMIT = 2,
  AEGIS_OUTCOME_ERROR = 3,
  AEGIS_OUTCOME_ASK = 4
};

/* Evaluates every policy that may apply. The indices of the policies that determined the outcome go
 * to `policies`, which has room for aegis_cedar_policy_count() of them, ascending, and their number
 * to *policy_count. AEGIS_OUTCOME_ERROR sets *error. */
int32_t aegis_cedar_evaluate(const AegisCedar* cedar, const AegisRequest* request,
                             uint32_t* policies, size_t* policy_count, AegisText** error);

/* The authorizer as it is, over one set of all policies and a store of entities: no index, no
 * aliases, no names of our own. For tests and benchmarks: what aegis_cedar_evaluate is held
 * against, and what Cedar's published cases run through. Bounds and parser are those of
 * aegis_cedar_load. */
typedef struct AegisPlain AegisPlain;

/* `schema` in Cedar's syntax (empty: that of Aegis), `entities` as a JSON array. Policies that the
 * schema refuses load, but are not valid. NULL and *error when anything else is refused. */
AegisPlain* aegis_plain_load(AegisStr schema, AegisStr policies, AegisStr entities,
                             AegisText** error);
void aegis_plain_free(AegisPlain* plain); /* NULL is allowed */
size_t aegis_plain_policy_count(const AegisPlain* plain);
uint8_t aegis_plain_valid(const AegisPlain* plain); /* 1: all policies pass strict validation */

typedef struct AegisEntity {
  AegisStr type;
  AegisStr id;
} AegisEntity;

typedef struct AegisPlainRequest {
  AegisEntity principal;
  AegisEntity action;
  AegisEntity resource;
  AegisStr context; /* a JSON object */
} AegisPlainRequest;

/* Policies by their place in the text (from 0), ascending. `places` has room for
 * aegis_plain_policy_count() of them. */
typedef struct AegisPlaces {
  uint32_t* places;
  size_t count;
} AegisPlaces;

/* AEGIS_OUTCOME_PERMIT, AEGIS_OUTCOME_FORBID (also where nothing permits), or AEGIS_OUTCOME_ERROR
 * and *error for a request that the schema refuses. Policies that err are named, and skipped as
 * Cedar does. */
int32_t aegis_plain_evaluate(const AegisPlain* plain, const AegisPlainRequest* request,
                             AegisPlaces* determining, AegisPlaces* erring, AegisText** error);

#ifdef __cplusplus
}
#endif

#endif /* AEGIS_ENGINES_H_ */
