// What is written down of each request: metrics, the access log, and its span.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/auth/identity.h"
#include "gateway/auth/origin.h"
#include "gateway/http/http.h"
#include "gateway/web/context.h"
#include "gateway/web/server_span.h"

namespace modelrun::gateway {

// Writes a request that begins at `begin` and ends now to the metrics and the access log. `user` is empty if the caller
// is not known. `traceparent`: of its span; empty: there is none, and that of the client is written.
void record_request(const WebContext& web, const HttpRequest& request, int status,
                    std::chrono::steady_clock::time_point begin, const std::string& user,
                    std::string_view traceparent = {});

// Passes everything on to the inner exchange, with the headers by which a browser lets a page of an allowed Origin read
// the answer (CORS, of the Fetch standard). Records the request when the last holder releases it, and ends its span.
// `web`, `origins` and `tracer` must outlive it. REQUIRES: the Origin of the request has passed, or the request is
// refused.
class Recorder final : public HttpExchange {
 public:
  // `tracer` is null when there is no tracing.
  Recorder(const WebContext& web, const OriginPolicy& origins, traces::Tracer* tracer,
           std::shared_ptr<const HttpRequest> request, std::shared_ptr<HttpExchange> inner);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override;

  void answer(HttpAnswer answer) override;
  using HttpExchange::open_events;
  void open_events(const HttpHeaders& headers) override;
  bool send(std::string_view text) override { return inner_->send(text); }
  bool send_if_read(std::string_view text) override { return inner_->send_if_read(text); }
  bool wait_until_read(std::stop_token stop) override { return inner_->wait_until_read(std::move(stop)); }
  void charge_to(std::string_view owner) override { inner_->charge_to(owner); }
  void release_body() override { inner_->release_body(); }
  [[nodiscard]] std::stop_token stop_token() const override { return inner_->stop_token(); }
  [[nodiscard]] bool client_left() const override { return inner_->client_left(); }
  void later(std::function<void()> work) override { inner_->later(std::move(work)); }

  // Not thread-safe: call it before the exchange is shared.
  void set_caller(const Identity& caller);
  // Null: there is no tracing.
  [[nodiscard]] const std::shared_ptr<ServerSpan>& span() const { return span_; }

 private:
  const WebContext& web_;
  const OriginPolicy& origins_;
  const std::shared_ptr<const HttpRequest> request_;
  const std::shared_ptr<HttpExchange> inner_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::shared_ptr<ServerSpan> span_;
  std::atomic<int> status_{500};
  std::string user_;  // empty: the caller is not known
};

}  // namespace modelrun::gateway
