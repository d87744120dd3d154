// A Transport that passes everything on to another one: for code that wants to own its transport, where a test keeps
// the server. `inner` must outlive it.
#pragma once

#include <utility>

#include "kube/transport.h"

namespace modelrun::fakes {

class BorrowedTransport final : public kube::Transport {
 public:
  explicit BorrowedTransport(kube::Transport& inner) : inner_(inner) {}
  Result<kube::Response> send(const kube::Request& request, std::stop_token stop) override {
    return inner_.send(request, std::move(stop));
  }
  Result<kube::Response> stream(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                const kube::OnData& on_data, std::stop_token stop) override {
    return inner_.stream(request, idle_timeout, on_data, std::move(stop));
  }

 private:
  kube::Transport& inner_;
};

}  // namespace modelrun::fakes
