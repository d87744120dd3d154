#include "sandbox/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/encoding.h"
#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kMaxFds = 2;
constexpr std::size_t kMaxNameBytes = sizeof(sockaddr_un::sun_path) - 1;
constexpr int kSendTimeoutMs = 10000;

struct AbstractAddress {
  sockaddr_un value{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&value); }
};

// A leading zero byte makes the name abstract; its length is that of the address, without a zero byte at the end.
// `name` has at most kMaxNameBytes.
AbstractAddress address_of(const std::string& name) {
  AbstractAddress address;
  address.value.sun_family = AF_UNIX;
  std::memcpy(address.value.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

// Whether the process at the other end has our uid. An abstract name has no owner and no permissions: any process in
// the pod's network namespace could have taken the name or have connected to it.
bool has_own_uid(const UniqueFd& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

void attach_fds(msghdr& message, std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)>& control,
                const std::vector<int>& fds) {
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
}

std::vector<UniqueFd> take_fds(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

// `may_begin`: nobody has to listen there yet.
static Result<Channel> connect_at(const std::string& name, bool may_begin, Monotonic::time_point deadline) {
  const auto address = address_of(name);
  while (true) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return std::unexpected(errno_error("socket", errno));
    if (::connect(socket.get(), address.get(), address.size) == 0) {
      if (has_own_uid(socket)) return Channel(std::move(socket));
      return fail(ErrorKind::kDenied, "the socket @{} is another user's, not the agent's", name);
    }
    const bool may_come = errno == EAGAIN || errno == EINTR || (may_begin && errno == ECONNREFUSED);
    if (!may_come || Monotonic::now() >= deadline) return std::unexpected(errno_error("connect to the agent", errno));
    ::poll(nullptr, 0, 2);
  }
}

Result<Channel> Channel::connect(const std::string& marker, int timeout_ms) {
  const auto deadline = Monotonic::now() + std::chrono::milliseconds(timeout_ms);
  auto name = read_small_file(marker, kMaxNameBytes);
  for (; !name && name.error().kind == ErrorKind::kNotFound; name = read_small_file(marker, kMaxNameBytes)) {
    if (Monotonic::now() >= deadline) return fail_in("the agent did not install itself in time", name.error());
    ::poll(nullptr, 0, 5);
  }
  if (!name) return std::unexpected(name.error());
  return connect_at(*name, /*may_begin=*/false, deadline);
}

Result<Channel> Channel::connect_named(const std::string& name, int timeout_ms) {
  if (name.size() > kMaxNameBytes) return fail(ErrorKind::kTooLarge, "the name of the agent's socket is too long");
  return connect_at(name, /*may_begin=*/true, Monotonic::now() + std::chrono::milliseconds(timeout_ms));
}

Result<void> Channel::send(Message type, std::string_view payload, const std::vector<int>& fds) const {
  payload = payload.substr(0, kMaxPayload);
  auto tag = static_cast<char>(type);
  std::array<iovec, 2> parts{{{&tag, 1}, {const_cast<char*>(payload.data()), payload.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  if (!fds.empty()) attach_fds(message, control, fds);
  const auto deadline = Monotonic::now() + std::chrono::milliseconds(kSendTimeoutMs);
  while (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != ENOBUFS) return fail(ErrorKind::kUnavailable, "send: {}", std::strerror(errno));
    RETURN_IF_ERROR(wait_ready(socket_.get(), POLLOUT, -1, deadline));
  }
  return {};
}

Result<Packet> Channel::receive() const {
  std::string buffer(kMaxPayload + 1, '\0');
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  // ECONNRESET means that the peer has closed without reading all that we sent. It comes once, and then what the peer
  // sent.
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0 && errno == EAGAIN) return fail(ErrorKind::kTimeout, "no message");
  if (got < 0) return fail(ErrorKind::kUnavailable, "receive: {}", std::strerror(errno));
  if (got == 0) return fail(ErrorKind::kUnavailable, "the other end has closed");
  buffer.resize(static_cast<std::size_t>(got));
  return Packet{static_cast<Message>(buffer[0]), buffer.substr(1), take_fds(message)};
}

Result<AgentSocket> AgentSocket::open(std::string name) {
  if (name.size() > kMaxNameBytes) return fail(ErrorKind::kTooLarge, "the name of the agent's socket is too long");
  if (name.empty()) {
    // By chance, so that nobody can have taken the name before.
    std::array<char, 16> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
      return std::unexpected(errno_error("getrandom", errno));
    }
    name = "modelrun-agent-" + sha256_hex({random.data(), random.size()});
  }
  AgentSocket listener;
  listener.name_ = std::move(name);
  const AbstractAddress address = address_of(listener.name_);
  listener.socket_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.socket_) return std::unexpected(errno_error("socket", errno));
  if (::bind(listener.socket_.get(), address.get(), address.size) != 0 || ::listen(listener.socket_.get(), 1) != 0) {
    return std::unexpected(errno_error("listen on @" + listener.name_, errno));
  }
  return listener;
}

Result<Channel> AgentSocket::accept_once() {
  UniqueFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) {
    return fail(ErrorKind::kTimeout, "nobody has connected");
  }
  if (!peer) return std::unexpected(errno_error("accept", errno));
  if (!has_own_uid(peer)) return fail(ErrorKind::kTimeout, "another user has connected");
  close();
  return Channel(std::move(peer));
}

}  // namespace modelrun::sandbox
