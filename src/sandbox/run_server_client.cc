#include "sandbox/run_server_client.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <random>

#include "api/strict_json.h"
#include "base/encoding.h"
#include "base/http_status.h"
#include "base/printable.h"
#include "sandbox/extract.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

constexpr std::chrono::seconds kIdle{10};
// Longer than the 25 s within which the server answers.
constexpr std::chrono::seconds kOrderIdle{40};
// The server may have to fetch the commit from its repository first, which delays the first byte.
constexpr std::chrono::seconds kSourceIdle{120};
// The address leads to any of the operator's replicas, and one of them serves us. Of two, one request in 64 meets the
// other one each time, and then waits as if nobody led.
constexpr int kTriesAtOnce = 6;
constexpr std::size_t kMaxErrorText = 512;
constexpr std::size_t kMaxAnswer = 64U << 10U;
// The points, and the line before them.
constexpr std::size_t kMaxPointsAnswer = api::kMaxPointsBytes + (512U << 10U);

// Reads at most `limit` bytes of the body; the rest is cut off.
Result<std::string> read_text(const BodyReader& body, std::size_t limit) {
  std::string text;
  std::array<char, 4096> chunk;
  while (text.size() < limit) {
    const auto got = body(chunk);
    RETURN_IF_ERROR(got);
    if (*got == 0) break;
    text.append(chunk.data(), *got);
  }
  text.resize(std::min(text.size(), limit));
  return text;
}

// Returns the server's message: the string "message" of a JSON object, or else the body itself.
std::string words_of(const std::string& body) {
  const auto answer = api::parse_strict(body);
  if (answer && answer->is_object() && answer->contains("message") && (*answer)["message"].is_string()) {
    return printable((*answer)["message"].get<std::string>());
  }
  return body.empty() ? "no reason given" : printable(body);
}

template <class Try>
Result<void> with_retries(std::string_view what, const RetryPolicy& retry, int stop, const Try& attempt) {
  const auto deadline = Monotonic::now() + retry.total;
  auto wait = retry.first;
  bool told = false;
  while (true) {
    auto result = attempt();
    if (result || !is_transient(result.error().kind)) return result;
    if (!std::exchange(told, true)) note("{}: {}; trying again", what, result.error().message);
    if (Monotonic::now() + wait >= deadline) return result;
    if (auto slept = wait_ready(-1, 0, stop, Monotonic::now() + with_jitter(wait));
        !slept && slept.error().kind == ErrorKind::kCancelled) {
      return slept;
    }
    wait = std::min(wait * 2, retry.most);
  }
}

}  // namespace

std::chrono::milliseconds with_jitter(std::chrono::milliseconds wait) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto half = wait.count() / 2;
  return std::chrono::milliseconds(half + std::uniform_int_distribution<std::int64_t>(0, half)(random));
}

Result<RunServerClient> RunServerClient::create(const RunServerAddress& address, const Layout& layout) {
  const auto endpoint = parse_endpoint(address.endpoint);
  if (!endpoint) return fail_in(api::kEnvRunServer, endpoint.error());
  auto client = HttpsClient::create(*endpoint, address.name, address.ca_pem);
  RETURN_IF_ERROR(client);
  return RunServerClient(*std::move(client), address, layout);
}

RunServerClient::RunServerClient(HttpsClient client, RunServerAddress address, Layout layout)
    : client_(std::move(client)),
      address_(std::move(address)),
      layout_(std::move(layout)),
      given_(std::make_unique<Given>()) {}

std::optional<api::Work> RunServerClient::work() const {
  const MutexLock lock(given_->mutex);
  return given_->work;
}

std::string RunServerClient::path_of(std::string_view what) const {
  if (what == "work") return fmt::format("{}{}/{}/work", api::kStandbyPrefix, address_.run_namespace, address_.standby);
  const MutexLock lock(given_->mutex);
  const auto& work = given_->work;
  return fmt::format("{}{}/{}/{}/{}/{}", api::kRunServerPrefix, address_.run_namespace,
                     work ? work->run_name : address_.run_name, work ? work->run_uid : address_.run_uid,
                     work ? work->attempt : address_.attempt, what);
}

Result<void> RunServerClient::post(std::string_view what, std::string body, std::string_view encoding,
                                   std::chrono::milliseconds idle, int stop, const ResponseHandler& on_success) const {
  // Read for every request, because the kubelet rotates the token while the agent runs.
  auto token = read_small_file(layout_.at(api::kTokenFile), 64U << 10U);
  if (!token) return fail_in("token", token.error());
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  const HttpRequest request{path_of(what), *std::move(token), std::string(encoding), std::move(body)};
  bool elsewhere = false;
  const auto take = [&](const HttpHead& head, const BodyReader& answer) -> Result<void> {
    if (head.status == 200 || head.status == 204) return on_success(head, answer);
    elsewhere = head.status == 503 && head.retry_at_once;
    const auto text = read_text(answer, kMaxErrorText);
    return fail(kind_of_status(head.status), "the run server answered {}: {}", head.status,
                text ? words_of(*text) : "");
  };
  Result<void> done;
  for (int i = 0; i == 0 || (elsewhere && i < kTriesAtOnce); ++i) {
    elsewhere = false;
    done = client_.post(request, stop, idle, take);
  }
  if (!done) return fail_in(fmt::format("POST {}", what), done.error());
  return done;
}

Result<void> RunServerClient::take_source(const HttpHead& head, const BodyReader& body) const {
  const std::string root = layout_.at(api::kRepoDir);
  RETURN_IF_ERROR(empty_directory(root));
  const auto extracted = extract_source(body, root);
  RETURN_IF_ERROR(extracted);
  // The archive was damaged on the way, so another try may help. TLS makes that unlikely, but a server that is
  // stopped in mid-answer may still cause it.
  if (extracted->sha256 != head.digest) return fail(ErrorKind::kUnavailable, "source: the digest does not match");
  return {};
}

Result<void> RunServerClient::fetch_once(int stop) const {
  return post("source", "", "", kSourceIdle, stop,
              [&](const HttpHead& head, const BodyReader& body) { return take_source(head, body); });
}

// Reads the line with the work, and then the source, which begins in the middle of what was read.
Result<void> RunServerClient::take_work(const HttpHead& head, const BodyReader& body) const {
  std::string line;
  std::string rest;
  std::array<char, 16384> chunk;
  while (true) {
    const auto got = body(chunk);
    RETURN_IF_ERROR(got);
    if (*got == 0) return fail(ErrorKind::kUnavailable, "work: the answer was cut off");
    const std::string_view bytes(chunk.data(), *got);
    const std::size_t end = bytes.find('\n');
    line += bytes.substr(0, end);
    if (line.size() > api::kMaxWorkBytes) return fail(ErrorKind::kInvalid, "work: the line is too long");
    if (end == std::string_view::npos) continue;
    rest = bytes.substr(end + 1);
    break;
  }
  auto work = api::decode_work(line);
  RETURN_IF_ERROR(work);
  {
    const MutexLock lock(given_->mutex);
    given_->work = *work;
  }
  RETURN_IF_ERROR(take_source(head, [&](std::span<char> into) -> Result<std::size_t> {
    if (rest.empty()) return body(into);
    const std::size_t size = rest.copy(into.data(), into.size());
    rest.erase(0, size);
    return size;
  }));
  if (!work->parameters) return {};
  return write_file_atomically(fmt::format("{}/parameters.json", layout_.at(api::kInputsDir)), *work->parameters, 0444);
}

Result<bool> RunServerClient::ask_for_work(int stop) const {
  bool given = false;
  auto done = post("work", "", "", kOrderIdle, stop, [&](const HttpHead& head, const BodyReader& body) -> Result<void> {
    given = head.status == 200;
    return given ? take_work(head, body) : Result<void>{};
  });
  RETURN_IF_ERROR(done);
  return given;
}

Result<void> RunServerClient::await_work(int stop) const {
  constexpr RetryPolicy kAlways{.total = std::chrono::hours(24 * 365)};
  bool given = false;
  while (!given) {
    auto asked = with_retries("asking for work", kAlways, stop, [&]() -> Result<void> {
      const auto answer = ask_for_work(stop);
      RETURN_IF_ERROR(answer);
      given = *answer;
      return {};
    });
    RETURN_IF_ERROR(asked);
  }
  return {};
}

Result<void> RunServerClient::fetch_source(const RetryPolicy& retry, int stop) const {
  return with_retries("fetching the source", retry, stop, [&] { return fetch_once(stop); });
}

Result<bool> RunServerClient::ask_for_order(int stop) const {
  bool cancel = false;
  auto done =
      post("control", "", "", kOrderIdle, stop, [&](const HttpHead& head, const BodyReader& body) -> Result<void> {
        if (head.status == 204) return {};
        const auto text = read_text(body, kMaxAnswer);
        RETURN_IF_ERROR(text);
        const auto order = api::parse_strict(*text);
        if (!order) return fail_in("order", order.error());
        const auto action = order->is_object() ? order->find("action") : order->end();
        cancel = action != order->end() && *action == "cancel";
        return {};
      });
  RETURN_IF_ERROR(done);
  return cancel;
}

Result<api::PointList> RunServerClient::fetch_points(const RetryPolicy& retry, int stop) const {
  api::PointList list;
  auto done = with_retries("fetching the points", retry, stop, [&] {
    return post("points", "", "", kIdle, stop, [&](const HttpHead&, const BodyReader& body) -> Result<void> {
      auto text = read_text(body, kMaxPointsAnswer + 1);
      RETURN_IF_ERROR(text);
      if (text->size() > kMaxPointsAnswer)
        return fail(ErrorKind::kInvalid, "points: more than {} bytes", kMaxPointsAnswer);
      auto decoded = api::decode_points(*text);
      RETURN_IF_ERROR(decoded);
      list = *std::move(decoded);
      return {};
    });
  });
  RETURN_IF_ERROR(done);
  return list;
}

Result<api::RowReceipt> RunServerClient::report_rows(const api::RowReport& report, int stop) const {
  api::RowReceipt receipt;
  auto done = post("rows", api::encode_report(report), "", report.last ? kOrderIdle : kIdle, stop,
                   [&](const HttpHead&, const BodyReader& body) -> Result<void> {
                     const auto text = read_text(body, kMaxAnswer);
                     RETURN_IF_ERROR(text);
                     const auto decoded = api::decode_receipt(*text);
                     RETURN_IF_ERROR(decoded);
                     receipt = *decoded;
                     return {};
                   });
  RETURN_IF_ERROR(done);
  return receipt;
}

Result<void> RunServerClient::push_result(const api::ResultFrame& frame, const RetryPolicy& retry, int stop) const {
  const std::string body = gzip(api::encode_frame(frame));
  return with_retries("pushing the result", retry, stop, [&] {
    return post("result", body, "gzip", kIdle, stop,
                [](const HttpHead&, const BodyReader&) -> Result<void> { return {}; });
  });
}

}  // namespace modelrun::sandbox
