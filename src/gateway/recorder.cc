#include "gateway/recorder.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "gateway/web/route_label.h"

namespace modelrun::gateway {
namespace {

// There are no cookies here, so no credentials are allowed.
HttpHeaders cors_headers(const OriginPolicy& origins, const HttpRequest& request) {
  const auto origin = request.header("Origin");
  if (!origin || request.count("Origin") > 1 || !origins.origin_allowed(*origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)},
          {"Vary", "Origin"},
          {"Access-Control-Expose-Headers", "Location, Retry-After, WWW-Authenticate, Content-Disposition"}};
}

}  // namespace

void record_request(const WebContext& web, const HttpRequest& request, int status,
                    std::chrono::steady_clock::time_point begin, const std::string& user,
                    std::string_view traceparent) {
  const auto took = std::chrono::steady_clock::now() - begin;
  const auto label = route_label(request.path);
  const auto code = std::to_string(status);
  web.metrics
      .counter("modelrun_gateway_requests_total", "Requests by route and status", {{"route", label}, {"code", code}})
      .Increment();
  web.metrics.histogram("modelrun_gateway_request_seconds", "Time to the end of the answer", {{"route", label}})
      .Observe(std::chrono::duration<double>(took).count());
  if (label == "/healthz" || label == "/readyz") return;
  // The query and all headers but this one are left out, because they may contain secrets.
  log::info("request",
            {{"method", request.head ? "HEAD" : request.method.substr(0, 16)},
             {"path", request.path.substr(0, 200)},
             {"status", code},
             {"ms", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count())},
             {"user", user},
             {"peer", request.peer},
             {"traceparent", std::string(traceparent.empty() ? request.header("traceparent").value_or("").substr(0, 64)
                                                             : traceparent)}});
}

Recorder::Recorder(const WebContext& web, const OriginPolicy& origins, traces::Tracer* tracer,
                   std::shared_ptr<const HttpRequest> request, std::shared_ptr<HttpExchange> inner)
    : web_(web), origins_(origins), request_(std::move(request)), inner_(std::move(inner)) {
  if (tracer != nullptr) span_ = std::make_shared<ServerSpan>(*tracer, *request_, web_.clock.now());
}

Recorder::~Recorder() {
  const bool traced = span_ && span_->called();
  record_request(web_, *request_, status_, begin_, user_, traced ? span_->traceparent() : std::string());
  if (traced) span_->end(status_, web_.clock.now());
}

void Recorder::answer(HttpAnswer answer) {
  status_ = answer.status;
  std::ranges::move(cors_headers(origins_, *request_), std::back_inserter(answer.headers));
  inner_->answer(std::move(answer));
}

void Recorder::open_events(const HttpHeaders& headers) {
  status_ = 200;
  auto all = cors_headers(origins_, *request_);
  all.insert(all.end(), headers.begin(), headers.end());
  inner_->open_events(all);
}

void Recorder::set_caller(const Identity& caller) {
  user_ = caller.user;
  inner_->charge_to(share_of(caller));
}

}  // namespace modelrun::gateway
