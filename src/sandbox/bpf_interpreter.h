#pragma once

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

// Runs classic BPF as seccomp does, for tests: the instructions that BuildFilter emits, nothing
// more.
namespace aegis::sandbox::testing_support {

struct BpfRun {
  std::uint32_t action = 0;
  int instructions = 0;
  bool read_arguments = false;  // then the kernel can't decide by the number alone
};

// Nothing on an invalid program: a load or jump out of bounds, an unknown instruction.
inline std::optional<BpfRun> RunBpf(const std::vector<sock_filter>& program,
                                    const seccomp_data& data) {
  BpfRun run;
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    ++run.instructions;
    const auto branch = [&](bool taken) { at += taken ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k + 4 > sizeof data) {
          return std::nullopt;
        }
        run.read_arguments = run.read_arguments || step.k >= offsetof(seccomp_data, args);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        branch(accumulator == step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        branch(accumulator >= step.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        branch((accumulator & step.k) != 0);
        break;
      case BPF_RET | BPF_K:
        run.action = step.k;
        return run;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace aegis::sandbox::testing_support
