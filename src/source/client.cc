#include "source/client.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/encoding.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/channel.h"
#include "source/listing.h"
#include "source/ref.h"
#include "source/url.h"

namespace modelrun::source {
namespace {

// Of archives that are being received at the same time.
constexpr std::uint64_t kMaxReceiving = std::uint64_t{1} << 30U;

// A tar has at most 4 KiB for the headers of an entry, and a file is filled up to 512 bytes.
std::uint64_t max_archive_bytes(const Policy& policy) {
  return policy.max_tree_bytes + policy.max_files * 2 * 5'000 + 1'000'000;
}

Result<void> write_all(const UniqueFd& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(own_failure("write what was fetched", errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

// One request to modelrun-source, from the question to the last byte of the answer.
class Client::Call {
 public:
  Call(Client& client, const Request& request, std::string_view name, const std::stop_token& stop)
      : client_(client),
        request_(request),
        name_(name),
        channel_(std::chrono::steady_clock::now() + client.options_.grace +
                     (request.commit ? request.policy.fetch_timeout : request.policy.resolve_timeout),
                 stop) {}

  // Connects, asks and reads the answer.
  Result<Answer> ask() {
    const auto url = parse_git_url(request_.remote.url, request_.policy);
    RETURN_IF_ERROR(url);
    auto ticket = client_.suspects_.begin(request_.remote.namespace_, url->text());
    RETURN_IF_ERROR(ticket);
    ticket_ = std::move(*ticket);
    if (auto connected = channel_.connect(client_.options_.socket); !connected) {
      if (connected.error().kind != ErrorKind::kUnavailable) return std::unexpected(connected.error());
      return fail(ErrorKind::kUnavailable, "modelrun-source cannot be reached at {} ({})", client_.options_.socket,
                  connected.error().message);
    }
    // A refusal may come before the request is read, and writing then fails: what counts is whether an answer came.
    const auto sent = channel_.write_frame(encode(request_));
    const auto text = channel_.read_frame(kMaxAnswerBytes);
    if (!text) {
      auto error = broken(sent ? text.error() : sent.error());
      if (error.kind != ErrorKind::kCancelled && error.kind != ErrorKind::kTimeout) died_ = Suspects::Death::kProgram;
      return std::unexpected(std::move(error));
    }
    bool died = false;
    auto answer = decode_answer(*text, died);
    if (died) died_ = Suspects::Death::kRequest;
    return answer;
  }

  // Reads `size` bytes into a new file. Returns its digest. The work on the repository was done when these bytes began:
  // what the connection loses now is not held against it.
  Result<FileDigest> receive(const std::filesystem::path& path, std::uint64_t size) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return std::unexpected(own_failure("make " + path.string(), errno));
    Sha256 digest;
    for (std::uint64_t left = size; left > 0;) {
      const std::span<char> piece(buffer_.data(), std::min<std::uint64_t>(left, buffer_.size()));
      if (auto got = channel_.read(piece); !got) return std::unexpected(broken(got.error()));
      const std::string_view bytes(piece.data(), piece.size());
      digest.add(bytes);
      RETURN_IF_ERROR(write_all(file, bytes));
      left -= piece.size();
    }
    return FileDigest{digest.hex(), size};
  }

  // What came is not what may come.
  Error garbage(std::string_view what) {
    died_ = Suspects::Death::kRequest;
    return {ErrorKind::kUnavailable, fmt::format("modelrun-source gave an answer with {}", what)};
  }

  // Counts the call. Returns `result`, or the error for a request at which modelrun-source died.
  template <class T>
  Result<T> end(Result<T> result) {
    std::string_view how = result ? "ok" : to_string(result.error().kind);
    if (died_) {
      how = "died";
      result = std::unexpected(ticket_.died(*died_));
    } else if (result && request_.commit) {
      ticket_.fetched();
    }
    client_.options_.ended(name_, how);
    return result;
  }

 private:
  // The error of a connection that did not bring what it should.
  static Error broken(const Error& error) {
    if (error.kind == ErrorKind::kTimeout) return {error.kind, "modelrun-source did not answer in time"};
    if (error.kind == ErrorKind::kCancelled) return error;
    return {ErrorKind::kUnavailable, "the connection to modelrun-source broke off: " + error.message};
  }

  Client& client_;
  const Request& request_;
  const std::string_view name_;
  Channel channel_;
  Suspects::Ticket ticket_;
  std::optional<Suspects::Death> died_;
  std::array<char, std::size_t{64} << 10U> buffer_{};
};

// A namespace may receive half of it all, or one archive of any size that is allowed.
Client::Client(ClientOptions options)
    : options_(std::move(options)),
      receiving_(kMaxReceiving, std::max(kMaxReceiving / 2, max_archive_bytes(options_.policy) + kMaxListingBytes)) {}

Result<Resolved> Client::resolve(const Remote& remote, const std::optional<std::string>& branch,
                                 const std::stop_token& stop) {
  const Request request{remote, options_.policy, branch, {}};
  Call call(*this, request, "resolve", stop);
  auto answer = call.ask();
  if (answer) {
    auto& resolved = answer->resolved;
    if (!is_commit(resolved.commit) || (!resolved.branch.empty() && !check_branch(resolved.branch))) {
      answer = std::unexpected(call.garbage("a name that no commit or branch has"));
    }
  }
  auto result = answer ? Result<Resolved>({ascii_lower(answer->resolved.commit), answer->resolved.branch})
                       : std::unexpected(answer.error());
  return call.end(std::move(result));
}

Result<FileDigest> Client::fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                                 const std::stop_token& stop) {
  const Request request{remote, options_.policy, {}, commit};
  Call call(*this, request, "fetch", stop);
  const auto answer = call.ask();
  if (!answer) return call.end(Result<FileDigest>(std::unexpected(answer.error())));
  if (auto received = receive(call, *answer, remote.namespace_, files); !received) {
    return call.end(Result<FileDigest>(std::unexpected(received.error())));
  }
  return call.end(Result<FileDigest>(answer->archive));
}

Result<void> Client::receive(Call& call, const Answer& answer, const std::string& namespace_,
                             const ArchiveFiles& files) {
  if (answer.listing_bytes > kMaxListingBytes || answer.archive.bytes > max_archive_bytes(options_.policy)) {
    return std::unexpected(call.garbage("an archive that is larger than any may be"));
  }
  auto hold = receiving_.hold(namespace_);
  if (!hold.set(answer.listing_bytes + answer.archive.bytes)) {
    return fail(ErrorKind::kUnavailable, "too many archives are being received at once");
  }
  RETURN_IF_ERROR(call.receive(files.listing, answer.listing_bytes));
  const auto digest = call.receive(files.archive, answer.archive.bytes);
  RETURN_IF_ERROR(digest);
  if (digest->sha256 != answer.archive.sha256) return std::unexpected(call.garbage("an archive of another digest"));
  return {};
}

}  // namespace modelrun::source
