#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "policy/seatbelt.h"

// What a Seatbelt profile can say of NetConnect: everything, this machine ("localhost", which is
// 127.0.0.1 and ::1 together), and Unix sockets. Internal to the module.
namespace aegis::policy::seatbelt {

class Network {
 public:
  void Add(const PolicySet::Info& policy, std::vector<SeatbeltProfile::Note>& notes);

  // The rules, once all policies are added.
  void Write(std::string& out) const;

 private:
  // An end of the loopback: `port` is "*" for any.
  struct Loopback {
    bool six = false;
    std::string port;
    friend bool operator==(const Loopback&, const Loopback&) = default;
  };

  bool Permits(bool six, std::string_view port) const;
  void Refuse(const PolicySet::Info& policy);
  void Permit(const PolicySet::Info& policy, std::vector<SeatbeltProfile::Note>& notes);
  static bool ReadLoopback(std::string_view name, Loopback& out);
  std::vector<std::string> Ports() const;

  bool closed_ = false;            // refused everywhere
  bool refused_ = false;           // refused somewhere
  bool loopback_refused_ = false;  // refused for this machine
  bool everywhere_ = false;        // permitted everywhere
  std::vector<Loopback> loopback_;
  std::vector<std::string> sockets_;  // paths of Unix sockets, as filters
  std::vector<std::string> refused_sockets_;
};

}  // namespace aegis::policy::seatbelt
