#include "sandbox/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kMaxFds = 2;
constexpr int kSendTimeoutMs = 10000;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::kInvalid, "socket path {} is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
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

Result<Channel> Channel::connect(const std::string& path, const std::string& marker, int timeout_ms) {
  const auto address = address_of(path);
  RETURN_IF_ERROR(address);
  const auto deadline = Monotonic::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    // Check the marker before connecting. The agent creates the socket before the marker, so if the marker exists and
    // the socket does not, the socket has been removed.
    const bool installed = ::access(marker.c_str(), F_OK) == 0;
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return std::unexpected(errno_error("socket", errno));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) {
      return Channel(std::move(socket));
    }
    const bool absent = errno == ENOENT || errno == ECONNREFUSED;
    const bool may_come = errno == EAGAIN || errno == EINTR || (absent && !installed);
    if (!may_come || Monotonic::now() >= deadline) return std::unexpected(errno_error("connect to the agent", errno));
    ::poll(nullptr, 0, 5);
  }
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
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return fail(ErrorKind::kTimeout, "no message");
  if (got < 0) return fail(ErrorKind::kUnavailable, "receive: {}", std::strerror(errno));
  if (got == 0) return fail(ErrorKind::kUnavailable, "the other end has closed");
  buffer.resize(static_cast<std::size_t>(got));
  return Packet{static_cast<Message>(buffer[0]), buffer.substr(1), take_fds(message)};
}

Result<AgentSocket> AgentSocket::open(const std::string& path) {
  const auto address = address_of(path);
  RETURN_IF_ERROR(address);
  ::unlink(path.c_str());
  AgentSocket listener;
  listener.socket_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.socket_) return std::unexpected(errno_error("socket", errno));
  if (::bind(listener.socket_.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return std::unexpected(errno_error("bind " + path, errno));
  }
  listener.path_ = path;
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(listener.socket_.get(), 1) != 0) {
    return std::unexpected(errno_error("listen on " + path, errno));
  }
  return listener;
}

Result<Channel> AgentSocket::accept_once() {
  const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) {
    return fail(ErrorKind::kTimeout, "nobody has connected");
  }
  if (fd < 0) return std::unexpected(errno_error("accept", errno));
  close();
  return Channel(UniqueFd(fd));
}

void AgentSocket::close() {
  if (!socket_) return;
  ::unlink(path_.c_str());
  socket_.reset();
}

}  // namespace modelrun::sandbox
