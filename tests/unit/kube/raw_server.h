// An HTTP server made of plain sockets, for answers that no proper server would give.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/fd.h"

namespace modelrun {

// One thread a connection. The handler is called for each request with its head and body; it writes the answer with
// Connection::write and returns whether the connection stays open.
class RawServer {
 public:
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    void write(const std::string& text) const { (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
    void chunk(const std::string& text) const { write(fmt::format("{:x}\r\n{}\r\n", text.size(), text)); }
    void json(int status, const std::string& body, const std::string& headers = "") const {
      write(fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body));
    }
    void begin_chunks() const { write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); }
    // Blocks until the client has closed.
    void wait_for_close() const {
      char byte = 0;
      while (::recv(fd_, &byte, 1, 0) > 0) {
      }
    }

   private:
    int fd_;
  };
  struct Request {
    std::string head;
    std::string body;
    int connection = 0;  // 1, 2, …
  };
  using Handler = std::function<bool(const Request&, const Connection&)>;

  explicit RawServer(Handler handler) : handler_(std::move(handler)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 64);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RawServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    hang_up();
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] int open_connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(open_.size());
  }
  // Ends every connection, as a server that is restarted does.
  void hang_up() {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }

 private:
  void accept_all() {
    for (int number = 1;; ++number) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number] { serve(fd, number); });
    }
  }

  void serve(int fd, int number) {
    std::string input;
    Request request;
    while (read_request(fd, input, request)) {
      request.connection = number;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (!handler_(request, Connection(fd))) break;
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  static bool more(int fd, std::string& input) {
    char buffer[65536];
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got > 0) input.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  // "Name: value" in every line: a client may leave the space out (RFC 9112, 5).
  static std::string with_spaces(std::string head) {
    for (auto line = head.find("\r\n"); line != std::string::npos; line = head.find("\r\n", line + 2)) {
      const auto colon = head.find(':', line);
      if (colon != std::string::npos && head.compare(colon + 1, 1, " ") != 0) head.insert(colon + 1, " ");
    }
    return head;
  }

  static bool read_request(int fd, std::string& input, Request& request) {
    std::size_t end = 0;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      if (!more(fd, input)) return false;
    }
    request.head = with_spaces(input.substr(0, end));
    input.erase(0, end + 4);
    const auto length = request.head.find("Content-Length: ");
    const std::size_t size = length == std::string::npos ? 0 : std::stoul(request.head.substr(length + 16));
    while (input.size() < size) {
      if (!more(fd, input)) return false;
    }
    request.body = input.substr(0, size);
    input.erase(0, size);
    return true;
  }

  Handler handler_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;     // guarded by mutex_
  std::vector<int> open_;             // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_ until the acceptor has ended
};

}  // namespace modelrun
