// What the caller hands in: where a repository is, how to authenticate, and what the operator's flags allow.
// Plain values: no file, no Kubernetes object, no lock. Copy them freely; they hold secrets, so never log them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace modelrun::source {

struct NoCredentials {};
struct BasicCredentials {
  std::string username;
  std::string password;
};
struct BearerCredentials {
  std::string token;
};
using Credentials = std::variant<NoCredentials, BasicCredentials, BearerCredentials>;

struct Remote {
  std::string url;
  Credentials credentials;
  // PEM; replaces the system's authorities for this remote when it is not empty.
  std::string ca_pem;
  // Tells credentials apart, e.g. the Secret's uid + "/" + resourceVersion. Caches use it as a part of their key, so
  // that a hit never crosses credentials. It is not a secret and is never sent.
  std::string cache_identity;
};

// The operator's flags. Sizes in bytes.
struct Policy {
  bool allow_http = false;
  bool allow_file = false;
  // Lets git connect to loopback, private and cluster addresses.
  bool allow_private_addresses = false;
  // Without Landlock in the kernel, git's process could read the operator's token file. Then every source is refused,
  // unless this flag says that the risk is taken.
  bool landlock_optional = false;

  std::uint64_t max_tree_bytes = std::uint64_t{256} << 20U;  // of all files, unpacked
  std::uint64_t max_pack_bytes = std::uint64_t{256} << 20U;  // of what the remote sends
  std::uint64_t max_file_bytes = std::uint64_t{64} << 20U;   // of one file
  std::size_t max_files = 20'000;                            // files and symlinks; as many directories again

  std::chrono::milliseconds resolve_timeout{15'000};  // one name resolution and one ls-remote
  std::chrono::milliseconds fetch_timeout{120'000};   // one fetch, from the name resolution to the finished archive
};

}  // namespace modelrun::source
