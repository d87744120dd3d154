// The Fetcher of the operator: passes each request to modelrun-source over its Unix socket.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/byte_budget.h"
#include "source/fetcher.h"
#include "source/suspects.h"
#include "source/wire.h"

namespace modelrun::source {

struct ClientOptions {
  Policy policy;  // goes along with each request
  std::string socket;
  // Called at the end of each request, on the thread that made it, with "resolve" or "fetch" and how it ended: "ok",
  // "died" if modelrun-source died, or the words of its ErrorKind.
  std::function<void(std::string_view request, std::string_view end)> ended = [](auto, auto) {};
  // For how long a connection is waited for beyond the request's own time-out.
  std::chrono::milliseconds grace{10'000};
};

// Thread-safe; a connection for each request. Nothing that comes over the socket is believed: an answer, a listing and
// an archive have bounded sizes, commit and branch are checked for their form, and the archive is written and digested
// here.
//
// When modelrun-source dies, the repositories that it was working on become suspects (suspects.h). While it is not
// there, requests fail with kUnavailable. A request whose caller stops is ended there too, with its git processes.
class Client final : public Fetcher {
 public:
  explicit Client(ClientOptions options);

  Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                           const std::stop_token& stop) override;
  Result<FileDigest> fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                           const std::stop_token& stop) override;

 private:
  class Call;
  Result<void> receive(Call& call, const Answer& answer, const std::string& namespace_, const ArchiveFiles& files);

  const ClientOptions options_;
  Suspects suspects_;
  ByteBudget receiving_;  // for archives that are being written now
};

}  // namespace modelrun::source
