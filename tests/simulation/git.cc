#include "simulation/git.h"

#include <algorithm>
#include <utility>

namespace modelrun::simulation {
namespace {

constexpr std::chrono::seconds kTimeout{60};
// Between two tries of controller::Sources.
constexpr std::chrono::seconds kLongestBackoff{30};

// Every commit has the same tree. Nobody reads the file: pods of the simulator execute nothing.
class SimArchive final : public source::Archive {
 public:
  SimArchive() : Archive({"/nonexistent/archive.tar.gz", "/nonexistent/archive.files"}, {std::string(64, 'a'), 1000}) {}
  [[nodiscard]] Result<source::Placeholders> placeholders() const override { return source::Placeholders{}; }
  [[nodiscard]] Result<bool> contains_file(std::string_view path) const override {
    return path == "run.py" || path == "model/revenue.py";
  }
};

const controller::Git::ArchivePtr& archive() {
  static const controller::Git::ArchivePtr kArchive = std::make_shared<const SimArchive>();
  return kArchive;
}

}  // namespace

void GitServer::set_state(State state, Nanos now) {
  state_ = state;
  was_denied_ = was_denied_ || state == State::kDenied;
  note_trouble(now);
}

void GitServer::count_slow_answers(int change, Nanos now) {
  slow_answers_ += change;
  note_trouble(now);
}

void GitServer::note_trouble(Nanos now) {
  const bool trouble =
      state_ == State::kSilent || state_ == State::kUnavailable || state_ == State::kSlow || slow_answers_ > 0;
  if (trouble && !trouble_since_) {
    trouble_ += unnoticed(now);
    trouble_since_ = now;
  }
  if (!trouble && trouble_since_) {
    trouble_ += now - *trouble_since_;
    trouble_since_.reset();
    well_since_ = now;
  }
}

// How long it has been well again, if that is too short for a back-off to notice.
Nanos GitServer::unnoticed(Nanos now) const {
  if (!well_since_ || now - *well_since_ > kLongestBackoff) return Nanos{0};
  return now - *well_since_;
}

std::string GitServer::head() const {
  return fmt::format("{:040x}", 0xC0FFEE00 + head_);
}

Nanos GitServer::trouble(Nanos now) const {
  return trouble_ + (trouble_since_ ? now - *trouble_since_ : unnoticed(now));
}

// Connects, which takes time. Succeeds if the server answers.
Result<GitServer*> SimGit::reach(const source::Remote& remote, const std::stop_token& stop) {
  const auto host = remote.url.substr(std::min<std::size_t>(8, remote.url.size()));
  const auto found = servers_.find(host.substr(0, host.find('/')));
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "there is no such repository");
  GitServer& server = *found->second;
  const auto slow = server.state() == GitServer::State::kSlow;
  const std::int64_t most = slow ? 20'000 : 300;
  const auto span = std::chrono::milliseconds(sim_.instant ? 0 : sim_.git.between(1, most));
  if (slow) server.count_slow_answers(1, sim_.fibers.now());
  const bool slept = sim_.fibers.sleep(span, stop);
  if (slow) server.count_slow_answers(-1, sim_.fibers.now());
  if (!slept) return fail(ErrorKind::kCancelled, "git was stopped");
  const auto until = sim_.fibers.now() + kTimeout;
  sim_.fibers.wait(until, [&] { return server.state() != GitServer::State::kSilent; }, stop);
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "git was stopped");
  switch (server.state()) {
    case GitServer::State::kSilent:
      return fail(ErrorKind::kTimeout, "git did not answer in time");
    case GitServer::State::kUnavailable:
      return fail(ErrorKind::kUnavailable, "could not connect to the git server");
    case GitServer::State::kDenied:
      return fail(ErrorKind::kDenied, "the git server refused the credentials");
    default:
      return &server;
  }
}

Result<source::Resolved> SimGit::resolve(const source::Remote& remote, const std::optional<std::string>& branch,
                                         const std::optional<std::string>& commit, std::stop_token stop) {
  if (commit) return source::Resolved{*commit, branch.value_or("")};
  const auto server = reach(remote, stop);
  RETURN_IF_ERROR(server);
  if (!(*server)->has_branch()) return fail(ErrorKind::kNotFound, "there is no branch {}", branch.value_or("HEAD"));
  return source::Resolved{(*server)->head(), branch.value_or("main")};
}

Result<controller::Git::ArchivePtr> SimGit::fetch(const source::Remote& remote, const std::string&,
                                                  std::stop_token stop) {
  const auto server = reach(remote, stop);
  RETURN_IF_ERROR(server);
  return archive();
}

// Nothing is kept, so that every fetch meets the server's troubles.
controller::Git::ArchivePtr SimGit::find(const source::Remote&, const std::string&) {
  return nullptr;
}

}  // namespace modelrun::simulation
