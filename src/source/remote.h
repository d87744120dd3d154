// What a caller of source/ provides: where a repository is, how to authenticate, and what the operator's flags allow.
// These are plain values that refer to no file, Kubernetes object or lock, so they can be copied freely. A Remote
// holds secrets: never log it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace modelrun::source {

struct NoCredentials {};
// HTTP Basic authentication (RFC 7617). kDenied if a control character is in either field or a ':' in the username.
struct BasicCredentials {
  std::string username;
  std::string password;
};
// "Authorization: Bearer" (RFC 6750). kDenied if a control character is in the token.
struct BearerCredentials {
  std::string token;
};
using Credentials = std::variant<NoCredentials, BasicCredentials, BearerCredentials>;

struct Remote {
  std::string url;  // as the user gave it; checked by parse_git_url() (url.h)
  Credentials credentials;
  // Certificate authorities as PEM. When it is not empty it replaces the system's authorities for this remote.
  std::string ca_pem;
  // The namespace that asks. A fault of a repository is held against it in this namespace only (suspects.h). Never
  // sent.
  std::string namespace_;
  // Identifies the credentials, e.g. the Secret's uid + "/" + resourceVersion. It is a part of the caches' keys, so
  // that what one set of credentials fetched is never returned for another. It is not a secret and is never sent.
  std::string cache_identity;
};

// What the operator's flags allow. Sizes are in bytes. Exceeding a limit is kTooLarge, a time-out kTimeout.
struct Policy {
  bool allow_http = false;  // http:// URLs
  bool allow_file = false;  // file:// URLs
  // Lets git connect to AddressKind::kPrivate: loopback, private and cluster addresses.
  bool allow_private_addresses = false;
  // Where the kernel has no Landlock, a git process could read the operator's token file. Every source is then refused
  // (kUnavailable), unless this flag accepts the risk.
  bool landlock_optional = false;

  std::uint64_t max_tree_bytes = std::uint64_t{256} << 20U;  // of all files of a commit together, unpacked
  std::uint64_t max_pack_bytes = std::uint64_t{256} << 20U;  // of the pack that the remote sends (RLIMIT_FSIZE of git)
  std::uint64_t max_file_bytes = std::uint64_t{64} << 20U;   // of one file of a commit
  std::size_t max_files = 20'000;  // for files and symlinks together, and again for directories with submodules

  std::chrono::milliseconds resolve_timeout{15'000};  // for one name resolution and one ls-remote together
  std::chrono::milliseconds fetch_timeout{120'000};   // for one fetch, from the name resolution to the written archive
};

}  // namespace modelrun::source
