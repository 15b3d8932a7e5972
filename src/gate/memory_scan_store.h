#pragma once

#include <string>

#include "gate/scan_store.h"

namespace aegis::gate {

// For tests.
class MemoryScanStore final : public ScanStore {
 public:
  std::string Load() override { return file; }
  void Save(const std::string& saved) override {
    file = saved;
    ++saves;
  }

  std::string file;
  int saves = 0;
};

}  // namespace aegis::gate
