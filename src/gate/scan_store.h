#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace aegis::gate {

// Where what searches for names have found is kept between starts. Bytes; ScanCache knows the form.
class ScanStore {
 public:
  ScanStore() = default;
  ScanStore(const ScanStore&) = delete;
  ScanStore& operator=(const ScanStore&) = delete;
  virtual ~ScanStore() = default;

  // Empty if nothing is kept that can be trusted.
  virtual std::string Load() = 0;
  // Best effort: what can't be written is not kept.
  virtual void Save(const std::string& file) = 0;
};

// A file in a directory that only its owner may change; 0600. Read only if it is a regular file of
// the caller's or of root's, which nobody else may write, and no larger than kMostScanBytes.
// Replaced as a whole: of several that save, the last one's stays.
class FileScanStore final : public ScanStore {
 public:
  explicit FileScanStore(std::string path) : path_(std::move(path)) {}

  std::string Load() override;
  void Save(const std::string& file) override;

 private:
  std::string path_;
};

inline constexpr std::size_t kMostScanBytes = std::size_t{8} << 20U;

// What directory stamps mean something within, and records of them: this boot of the machine, this
// file of a program, this user. Empty if that can't be told.
std::string ScanEpoch();

}  // namespace aegis::gate
