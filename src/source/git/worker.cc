#include "source/git/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "source/channel.h"
#include "source/git/git_fetcher.h"
#include "source/wire.h"

namespace modelrun::source {
namespace {

constexpr std::chrono::seconds kRequestTime{10};  // for the request to arrive
constexpr std::chrono::seconds kAnswerTime{120};  // for the answer to be taken

// Requests a stop when the other side closes the connection. The thread ends with the process.
void watch(UniqueFd connection, std::stop_source stop) {
  std::thread([connection = std::move(connection), stop = std::move(stop)]() mutable {
    pollfd closed{connection.get(), POLLRDHUP, 0};
    while (::poll(&closed, 1, -1) < 0 && errno == EINTR) {
    }
    stop.request_stop();
  }).detach();
}

enum class Sent { kAll, kClientLeft, kUnreadable };

Sent send_file(Channel& channel, const std::filesystem::path& path, std::uint64_t size) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return Sent::kUnreadable;
  std::vector<char> buffer(std::size_t{64} << 10U);
  while (size > 0) {
    const ssize_t got = ::read(file.get(), buffer.data(), std::min<std::uint64_t>(size, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Sent::kUnreadable;
    if (!channel.write({buffer.data(), static_cast<std::size_t>(got)})) return Sent::kClientLeft;
    size -= static_cast<std::uint64_t>(got);
  }
  return Sent::kAll;
}

Result<Answer> answer_to(const Request& request, const std::filesystem::path& directory, const ArchiveFiles& files,
                         const std::stop_token& stop) {
  GitFetcher git(request.policy, directory / "git");
  Answer answer;
  if (!request.commit) {
    auto resolved = git.resolve(request.remote, request.branch, stop);
    RETURN_IF_ERROR(resolved);
    answer.resolved = std::move(*resolved);
    return answer;
  }
  auto archive = git.fetch(request.remote, *request.commit, files, stop);
  RETURN_IF_ERROR(archive);
  answer.archive = std::move(*archive);
  std::error_code error;
  answer.listing_bytes = std::filesystem::file_size(files.listing, error);
  if (error) return std::unexpected(own_failure("read the size of the listing", error.value()));
  return answer;
}

}  // namespace

int work_on_request(UniqueFd connection, UniqueFd answering, const std::filesystem::path& directory) {
  std::stop_source stop;
  UniqueFd watched(::fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  Channel channel(std::move(connection), std::chrono::steady_clock::now() + kRequestTime, stop.get_token());
  const auto text = channel.read_frame(kMaxRequestBytes);
  if (!text) return 0;  // nobody asked
  watch(std::move(watched), stop);
  const auto request = decode_request(*text);
  const ArchiveFiles files{directory / "archive", directory / "listing"};
  const auto answer = request ? answer_to(*request, directory, files, stop.get_token())
                              : Result<Answer>(std::unexpected(request.error()));
  if (stop.stop_requested()) return 0;
  channel.set_deadline(std::chrono::steady_clock::now() + kAnswerTime);
  const std::uint64_t one = 1;
  if (::write(answering.get(), &one, sizeof one) != sizeof one) return 1;
  if (!channel.write_frame(encode(answer))) return 0;
  if (!answer || !request->commit) return 0;
  auto sent = send_file(channel, files.listing, answer->listing_bytes);
  if (sent == Sent::kAll) sent = send_file(channel, files.archive, answer->archive.bytes);
  return sent == Sent::kUnreadable ? 1 : 0;  // that the client has left is no failure
}

}  // namespace modelrun::source
