// The connection between `exec` and `agent`: a unix socket of type SOCK_SEQPACKET. Each packet carries one message. Its
// first byte is the message type and the rest is the payload.
//
// The socket has an abstract name, which belongs to the network namespace that the containers of a pod share. Both are
// told the name (api::kEnvAgentSocket), or the agent makes it up and writes it into api::kInstalledMarker. A socket in
// a shared volume would not do: under gVisor each container has its own view of a volume, in which the sockets of the
// other are missing.
//
// From `exec` to the agent, in this order:
//   kHello        No payload. Carries two descriptors: the read ends of the model's stdout and stderr pipes.
//   kReady        Only from the `exec` of a standby (api/standby.h) and of a pod that was made for a run with points:
//                 the sandbox stands and what is to be loaded before there is work is loaded. There is no kGo before
//                 it.
//   kStarted      The model's process runs. The payload is its start time in RFC 3339, a space, and the
//                 rings of the sandbox that stand (as ResultFrame::rings).
//   kStdout, kStderr
//                 Bytes that the model wrote. Any number of packets.
//   kPointEnded   Only in a run with points (api/points.h): the point that the last kPoint began has ended, and none of
//                 its processes is left. The payload is its api::ExitRecord as JSON.
//   kExit         The model has ended; in a run with points, all of it has. The payload is an api::ExitRecord as JSON.
//   kSetupFailed  The model was not started, or the next point cannot be. The payload is a sentence that says why. Sent
//                 instead of all messages that are still to come, possibly before kHello.
// From the agent to `exec`:
//   kGo           The model may start. The payload is empty, or for a standby the run's work (api::Work) as JSON,
//                 without the parameters.
//   kPoint        Only in a run with points, after kStarted and then after each kPointEnded: /outputs, /tmp, /upstream
//                 and /dev/shm are to be emptied, and the entry point to be executed. The payload is the point's
//                 time-out in seconds.
//   kNoMorePoints Instead of another kPoint. kExit follows.
//   kCancel       The model must be ended.
//   kRefuse       There will be no kGo, or no further point. The payload is a sentence that says why.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

enum class Message : char {
  kHello = 'H',
  kReady = 'R',
  kStarted = 'S',
  kStdout = 'o',
  kStderr = 'e',
  kPointEnded = 'E',
  kExit = 'X',
  kSetupFailed = 'F',
  kGo = 'G',
  kPoint = 'P',
  kNoMorePoints = 'D',
  kCancel = 'C',
  kRefuse = 'N',
};

// The largest payload, in bytes. It is below the default size of a socket buffer: a packet that is larger than the
// buffer fails with EMSGSIZE.
inline constexpr std::size_t kMaxPayload = 32U << 10U;

struct Packet {
  Message type;  // the byte as received, which need not be one of the enumerators
  std::string payload;
  std::vector<UniqueFd> fds;  // descriptors that came with the packet; close-on-exec
};

// One end of the connection. A default-constructed Channel is not connected and tests false. Not thread-safe.
class Channel {
 public:
  Channel() = default;
  // `socket`: a connected, non-blocking socket of type SOCK_SEQPACKET.
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  // Connects to the agent's socket, whose name is the content of the file `marker`. Blocks for at most `timeout_ms`
  // milliseconds. As long as `marker` does not exist, the agent is still installing itself, which is waited for. Once
  // it exists, a missing socket means that the agent has stopped listening for good, and the call fails at once. Fails
  // with kNotFound when `marker` did not appear in time, with kTooLarge when it holds no socket name (more than 107
  // bytes), with kDenied when a process of another uid listens there, otherwise with the errno as errno_error() maps
  // it.
  static Result<Channel> connect(const std::string& marker, int timeout_ms);
  // Connects to the agent's socket `name`, for which it waits: nothing tells whether the agent does not listen yet or
  // does not listen any more. Otherwise like connect().
  static Result<Channel> connect_named(const std::string& name, int timeout_ms);

  // Sends one packet. Blocks while the peer's buffer is full, and fails with kTimeout after 10 s. Fails with
  // kUnavailable when the connection is closed or broken. A payload longer than kMaxPayload is cut off there. At most
  // two descriptors can be sent; they stay open and stay the caller's.
  Result<void> send(Message type, std::string_view payload = {}, const std::vector<int>& fds = {}) const;
  // Receives one packet. Does not block: fails with kTimeout when there is no packet. Fails with kUnavailable when the
  // connection is closed or broken and all packets that the peer had sent before have been received.
  Result<Packet> receive() const;

  [[nodiscard]] int fd() const { return socket_.get(); }
  explicit operator bool() const { return static_cast<bool>(socket_); }
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
};

// The agent's listening socket. It accepts one connection in its life. Its name is free again as soon as it is closed
// or destroyed. Not thread-safe.
class AgentSocket {
 public:
  // Listens at the abstract name `name` of the network namespace, or at a random one if it is empty. Fails with
  // kTooLarge when the name has more than 107 bytes, otherwise with the errno as errno_error() maps it.
  static Result<AgentSocket> open(std::string name = {});
  // The name, without the zero byte that makes it abstract: printable ASCII.
  [[nodiscard]] const std::string& name() const { return name_; }
  // Accepts the connection if a peer of the own uid has connected, then closes the listener as close() does. A peer of
  // another uid is disconnected. Does not block: fails with kTimeout when nobody else has connected yet; poll fd() for
  // that.
  Result<Channel> accept_once();
  // Stops listening. May be called again.
  void close() { socket_.reset(); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::string name_;
};

}  // namespace modelrun::sandbox
