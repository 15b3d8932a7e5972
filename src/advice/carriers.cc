#include "advice/carriers.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace aegis::advice {
namespace {

struct Carrier {
  std::string_view domain;
  std::string_view kind;
};

constexpr std::string_view kForge = "a forge, where anyone can have a repository";
constexpr std::string_view kPaste = "a pastebin or drop box, where anyone can leave data";
constexpr std::string_view kChat = "a chat or webhook service";
constexpr std::string_view kStore = "a store of objects, where anyone can have a bucket";
constexpr std::string_view kTunnel = "a tunnel or request catcher";
constexpr std::string_view kEdge = "a service where anyone can run a site of their own";
constexpr std::string_view kRegistry = "a package registry, where anyone can publish";

constexpr auto kCarriers = std::to_array<Carrier>({
    {"github.com", kForge},
    {"githubusercontent.com", kForge},
    {"gitlab.com", kForge},
    {"bitbucket.org", kForge},
    {"codeberg.org", kForge},
    {"sourceforge.net", kForge},
    {"sr.ht", kForge},
    {"gitee.com", kForge},
    {"huggingface.co", kForge},
    {"pastebin.com", kPaste},
    {"paste.ee", kPaste},
    {"dpaste.com", kPaste},
    {"dpaste.org", kPaste},
    {"hastebin.com", kPaste},
    {"rentry.co", kPaste},
    {"ix.io", kPaste},
    {"0x0.st", kPaste},
    {"termbin.com", kPaste},
    {"transfer.sh", kPaste},
    {"file.io", kPaste},
    {"gofile.io", kPaste},
    {"catbox.moe", kPaste},
    {"dropbox.com", kPaste},
    {"dropboxapi.com", kPaste},
    {"wetransfer.com", kPaste},
    {"mega.nz", kPaste},
    {"drive.google.com", kPaste},
    {"docs.google.com", kPaste},
    {"slack.com", kChat},
    {"discord.com", kChat},
    {"discordapp.com", kChat},
    {"telegram.org", kChat},
    {"t.me", kChat},
    {"webhook.office.com", kChat},
    {"twilio.com", kChat},
    {"ifttt.com", kChat},
    {"zapier.com", kChat},
    {"sendgrid.com", kChat},
    {"mailgun.net", kChat},
    {"amazonaws.com", kStore},
    {"storage.googleapis.com", kStore},
    {"blob.core.windows.net", kStore},
    {"r2.cloudflarestorage.com", kStore},
    {"backblazeb2.com", kStore},
    {"digitaloceanspaces.com", kStore},
    {"ngrok.io", kTunnel},
    {"ngrok.app", kTunnel},
    {"ngrok-free.app", kTunnel},
    {"trycloudflare.com", kTunnel},
    {"loca.lt", kTunnel},
    {"serveo.net", kTunnel},
    {"webhook.site", kTunnel},
    {"requestbin.com", kTunnel},
    {"pipedream.net", kTunnel},
    {"oast.fun", kTunnel},
    {"interact.sh", kTunnel},
    {"burpcollaborator.net", kTunnel},
    {"workers.dev", kEdge},
    {"pages.dev", kEdge},
    {"vercel.app", kEdge},
    {"netlify.app", kEdge},
    {"herokuapp.com", kEdge},
    {"fly.dev", kEdge},
    {"github.io", kEdge},
    {"azurewebsites.net", kEdge},
    {"cloudfront.net", kEdge},
    {"run.app", kEdge},
    {"script.google.com", kEdge},
    {"npmjs.org", kRegistry},
    {"pypi.org", kRegistry},
    {"crates.io", kRegistry},
    {"rubygems.org", kRegistry},
    {"docker.io", kRegistry},
});

// Of "*.example.com" what it stands below.
std::string_view DomainOf(std::string_view host) {
  return host.starts_with("*.") ? host.substr(2) : host;
}

bool IsWithinDomain(std::string_view host, std::string_view domain) {
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

bool IsAddress(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         (!host.empty() && host.find_first_not_of("0123456789./") == std::string_view::npos);
}

bool IsLoopback(std::string_view host) { return host == "::1" || host.starts_with("127."); }

bool IsContainerEngine(std::string_view socket) {
  return socket.ends_with("/docker.sock") || socket.ends_with("/podman.sock") ||
         socket.ends_with("/containerd.sock") || socket.ends_with("/crio.sock");
}

}  // namespace

std::string_view CarrierKind(std::string_view host) {
  if (host.starts_with("unix:")) {
    return IsContainerEngine(host) ? "a container engine, which can do whatever root can"
                                   : std::string_view();
  }
  if (host.starts_with("*.") && host.find('.', 2) == std::string_view::npos) {
    return "a wildcard over a whole top-level domain";
  }
  if (IsAddress(host)) {
    return IsLoopback(host) ? std::string_view() : "an address, which says nothing of who is there";
  }
  const std::string_view domain = DomainOf(host);
  const auto found = std::ranges::find_if(
      kCarriers, [domain](const Carrier& one) { return IsWithinDomain(domain, one.domain); });
  return found == kCarriers.end() ? std::string_view() : found->kind;
}

}  // namespace aegis::advice
