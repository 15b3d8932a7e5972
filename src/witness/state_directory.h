#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/cosigner.h"

namespace aegis::witness {

// Where a witness keeps what it knows, a directory of its owner alone:
//   witness.key          its private key (signed-note form), mode 0600
//   HEX.checkpoint       the latest checkpoint that it cosigned, HEX being the SHA-256 of the
//   origin HEX.conflict         the latest one that contradicted it
// Files are replaced by a rename after they were synced. The directory is locked (flock) while the
// object lives, so that no two witnesses ever sign from one state. Whoever puts an older copy of
// the directory back makes the witness forget: it may then cosign a second history.
class StateDirectory final : public CheckpointStore {
 public:
  // Makes the directory (0700) where it is missing. kDenied if others could change it; kConflict
  // if another witness has it.
  static base::Result<std::unique_ptr<StateDirectory>> Open(const std::string& path);

  // The witness's key. Where there is none one is made under `name`, which must be given then;
  // kInvalid if the key that is there has another name, kDenied if others can read it.
  base::Result<canon::NoteSigner> Key(const std::optional<std::string>& name) const;

  base::Result<std::optional<canon::SignedNote>> Latest(std::string_view origin) override;
  base::Result<> Put(std::string_view origin, const canon::SignedNote& checkpoint) override;
  base::Result<> KeepConflict(std::string_view origin,
                              const canon::SignedNote& checkpoint) override;

 private:
  StateDirectory(std::string path, base::UniqueFd lock);
  std::string FileOf(std::string_view origin, std::string_view suffix) const;

  std::string path_;
  base::UniqueFd lock_;
};

}  // namespace aegis::witness
