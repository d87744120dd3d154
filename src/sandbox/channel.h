// The unix socket between `exec` and `agent`: SOCK_SEQPACKET, one message a packet, its first byte the type.
//   exec → agent   kHello (with the read ends of the model's stdout and stderr), kStarted, kStdout, kStderr, then one
//   of
//                  kExit (an ExitRecord as JSON) and kSetupFailed (a sentence).
//   agent → exec   kGo, kCancel, kRefuse (a sentence: there will be no go).
// Not thread-safe. A closed or broken connection is ErrorKind::kUnavailable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

enum class Message : char {
  kHello = 'H',
  kStarted = 'S',
  kStdout = 'o',
  kStderr = 'e',
  kExit = 'X',
  kSetupFailed = 'F',
  kGo = 'G',
  kCancel = 'C',
  kRefuse = 'N',
};

// Below the default socket buffer, so that a packet never fails with EMSGSIZE.
inline constexpr std::size_t kMaxPayload = 32U << 10U;

struct Packet {
  Message type;
  std::string payload;
  std::vector<UniqueFd> fds;
};

class Channel {
 public:
  Channel() = default;
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  // Connects to the agent's socket. While `marker` is not there, the agent is still installing: tries again until
  // `timeout_ms` have passed. Once it is, a socket that is missing is gone for good.
  static Result<Channel> connect(const std::string& path, const std::string& marker, int timeout_ms);

  // Waits while the peer's buffer is full, 10 s at most. `payload` beyond kMaxPayload is cut off.
  Result<void> send(Message type, std::string_view payload = {}, const std::vector<int>& fds = {}) const;
  // Does not wait: kTimeout when nothing has come.
  Result<Packet> receive() const;

  [[nodiscard]] int fd() const { return socket_.get(); }
  explicit operator bool() const { return static_cast<bool>(socket_); }
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
};

// The agent's end before the connection. Accepts one connection in its life.
class Listener {
 public:
  static Result<Listener> open(const std::string& path);
  // kTimeout when nobody has connected yet. On success the socket's file is unlinked and the listener closed.
  Result<Channel> accept_once();
  // Gives up listening; the path disappears.
  void close();
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::string path_;
};

}  // namespace modelrun::sandbox
