#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {

// Appends each checkpoint to a file (note_file.h): one write(2), then fdatasync. The file is opened
// anew each time, so it may be moved away; its directory is held, so that whoever can change a
// directory above can't lead us elsewhere. Symbolic links and what is no regular file are refused.
// A file that is missing is made with mode 0600. It may be one that we can't read.
class FileSink final : public Sink {
 public:
  static base::Result<std::unique_ptr<FileSink>> Open(const FileTarget& target);

  base::Result<std::vector<canon::NoteSignature>> Publish(const Submission& submission,
                                                          const std::stop_token& stop) override;
  std::size_t capacity() const override { return 64; }

 private:
  FileSink(const FileTarget& target, base::UniqueFd directory, std::string name);
  base::Result<base::UniqueFd> OpenFile() const;

  base::UniqueFd directory_;
  std::string name_;
};

}  // namespace aegis::witness
