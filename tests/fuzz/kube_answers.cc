// What the API server answers: lists, watches, refusals and the objects in them, whose authors are strangers.
#include "fuzz/fuzz.h"

#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "api/model_project.h"
#include "api/model_run.h"
#include "fakes/fake_transport.h"
#include "kube/client.h"
#include "kube/list_decoder.h"
#include "kube/payload.h"
#include "kube/refusal.h"
#include "kube/watch_decoder.h"

namespace {

using namespace modelrun;
using kube::Json;

// The status of an object that a stranger wrote is what it is after it has been read once.
void check_object(const Json& object) {
  try {
    const auto run = api::decode_model_run(object);
    const auto status = api::encode_status(run.status);
    Json again = object;
    again["status"] = status;
    fuzz::expect(api::encode_status(api::decode_model_run(again).status) == status, "a run's status is a fixed point");
    const auto project = api::decode_model_project(object);
    const auto project_status = api::encode_status(project.status);
    again["status"] = project_status;
    fuzz::expect(api::encode_status(api::decode_model_project(again).status) == project_status,
                 "a project's status is a fixed point");
  } catch (const Json::exception&) {
    // For what the CRD's schema rules out: see decode_model_run().
  }
}

template <class Feed>
std::string read_pieces(const std::vector<std::string_view>& pieces, Feed feed) {
  for (const auto piece : pieces) {
    const auto fed = feed(piece);
    if (!fed) return "failed: " + fed.error().message;
  }
  return "";
}

std::string watched(const std::vector<std::string_view>& pieces, std::vector<Json>* objects = nullptr) {
  kube::WatchDecoder decoder(4096);
  std::string seen;
  const auto failed = read_pieces(pieces, [&](std::string_view piece) {
    return decoder.feed(piece, [&](kube::WatchEvent&& event) {
      seen += fmt::format("{} {}\n", static_cast<int>(event.type), api::json_text(event.object));
      if (event.type == kube::EventType::kError) seen += kube::watch_error(event).message;
      if (objects != nullptr) objects->push_back(std::move(event.object));
      return true;
    });
  });
  // After an error the decoder must not be used again.
  return failed.empty() ? seen + (decoder.finish() ? "" : "cut off") : seen + failed;
}

std::string listed(const std::vector<std::string_view>& pieces, Json* whole = nullptr) {
  kube::ListDecoder decoder(4096);
  Json items = Json::array();
  auto seen = read_pieces(
      pieces, [&](std::string_view piece) { return decoder.feed(piece, [&](Json&& item) { items.push_back(item); }); });
  if (!seen.empty()) return seen;
  auto list = decoder.finish();
  if (!list) return "failed: " + list.error().message;
  if (list->contains("items") || !items.empty()) (*list)["items"] = items;
  if (whole != nullptr) *whole = *list;
  return api::json_text(*list);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto pieces = fuzz::pieces_of(text);

  std::vector<Json> objects;
  const auto events = watched({text}, &objects);
  fuzz::expect(events == watched(pieces), "pieces of a watch give the same events");
  for (const auto& object : objects) check_object(object);

  Json list;
  const auto items = listed({text}, &list);
  fuzz::expect(size > 4096 || items == listed(pieces), "pieces of a list give the same items");
  if (!items.starts_with("failed")) {
    const Json parsed = Json::parse(text, nullptr, false);
    fuzz::expect(parsed.is_discarded() || !parsed.contains("items") || !parsed["items"].is_array() ||
                     parsed["items"].size() == list["items"].size(),
                 "a list has the items that its text has");
    check_object(list);
  }

  fakes::FakeTransport transport;
  kube::Client client(transport);
  const int status = size == 0 ? 200 : data[0] % 2 == 0 ? 422 : 409;
  transport.answer(status, std::string(text));
  if (const auto got = client.get(kube::kJobs, "ns", "x"); !got) {
    fuzz::expect(!got.error().message.empty(), "a refusal has a message");
    (void)kube::plain_refusal(got.error());
  }
  transport.answer(201, std::string(text));
  (void)client.token_review("token", {"audience"});
  (void)kube::assemble({}, {std::string(text)});
  return 0;
}
