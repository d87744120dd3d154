// RAII ownership of a POSIX file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace modelrun {

// Owns one file descriptor and closes it in its destructor; an error of close(2) is ignored. Move-only: a moved-from
// object owns nothing. get() is -1 when it owns nothing. Not thread-safe.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Returns the descriptor and gives up its ownership: the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes the descriptor that is owned, if any, and takes ownership of `fd`, which must be another one.
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace modelrun
