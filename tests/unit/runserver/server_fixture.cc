#include "unit/runserver/server_fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>

#include <condition_variable>
#include <fstream>

#include "base/encoding.h"
#include "unit/runtime/eventually.h"

namespace modelrun::runserver::testing {

using asio::ip::tcp;

Result<PodIdentity> FakeAuthenticator::authenticate(std::string_view token, std::stop_token stop) {
  ++calls;
  if (token == "good") return PodIdentity{"ns", "p", "pod-1"};
  if (token == "waits") {
    gate_open_.wait();
    return PodIdentity{"ns", "p", "pod-1"};
  }
  if (token == "stranger") return PodIdentity{"other", "p", "pod-2"};
  if (token == "hangs") {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop, [] { return false; });
    return fail(ErrorKind::kCancelled, "stopped");
  }
  if (token == "down") return fail(ErrorKind::kUnavailable, "secret detail");
  return fail(ErrorKind::kDenied, "secret detail");
}

std::optional<Result<PodIdentity>> FakeAuthenticator::remembered(std::string_view token) {
  if (token == "known") return Result<PodIdentity>(PodIdentity{"ns", "p", "pod-1"});
  return std::nullopt;
}

void FakeHandler::claim(AttemptRef, PodIdentity, ArchiveDone done) {
  if (archive) done(*archive);
}

void FakeHandler::submit(AttemptRef, PodIdentity, api::ResultFrame frame, std::function<void(Result<void>)> done) {
  {
    const std::lock_guard lock(mutex_);
    frames_.push_back(std::move(frame));
  }
  if (committed) done(*committed);
}

void FakeHandler::points(AttemptRef, PodIdentity, std::function<void(Result<std::string>)> done) {
  if (list) done(*list);
}

// All rows are held and none is stored.
void FakeHandler::rows(AttemptRef, PodIdentity, api::RowReport report,
                       std::function<void(Result<api::RowReceipt>)> done) {
  const auto held = report.from + static_cast<std::int64_t>(report.rows.size());
  {
    const std::lock_guard lock(mutex_);
    reports_.push_back(std::move(report));
  }
  done(api::RowReceipt{held, 0});
}

std::vector<api::RowReport> FakeHandler::reports() {
  const std::lock_guard lock(mutex_);
  return reports_;
}

std::unique_ptr<LongPoll> FakeHandler::open_watch() {
  ++watches_;
  changed_.notify_all();
  return std::make_unique<LongPoll>([this] {
    const std::lock_guard lock(mutex_);
    --watches_;
    changed_.notify_all();
  });
}

std::unique_ptr<LongPoll> FakeHandler::watch_orders(AttemptRef, PodIdentity, OrderDone done) {
  if (order) done(*order);
  const std::lock_guard lock(mutex_);
  order_done_ = std::move(done);
  return open_watch();
}

std::unique_ptr<LongPoll> FakeHandler::await_work(StandbyRef standby, PodIdentity, WorkDone done) {
  if (work) done(*work);
  const std::lock_guard lock(mutex_);
  standbys.push_back(standby.namespace_ + "/" + standby.job);
  return open_watch();
}

void FakeHandler::wait_for_watches(int count) {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return watches_ == count; }));
}

FakeHandler::OrderDone FakeHandler::take_order_done() {
  const std::lock_guard lock(mutex_);
  return std::move(order_done_);
}

std::vector<api::ResultFrame> FakeHandler::frames() {
  const std::lock_guard lock(mutex_);
  return frames_;
}

Client::Client(std::uint16_t port, const std::string& ca_pem, const char* own_address)
    : context_(asio::ssl::context::tls_client), stream_(io_, context_) {
  context_.add_certificate_authority(asio::buffer(ca_pem));
  stream_.set_verify_mode(asio::ssl::verify_peer);
  stream_.set_verify_callback(asio::ssl::host_name_verification(std::string(kServerName)));
  stream_.next_layer().open(tcp::v4());
  stream_.next_layer().bind({asio::ip::make_address(own_address), 0});
  stream_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
  stream_.handshake(asio::ssl::stream_base::client);
}

Client::~Client() {
  beast::error_code ignored;
  stream_.next_layer().close(ignored);
}

void Client::send(const std::string& bytes) {
  asio::write(stream_, asio::buffer(bytes));
}

void Client::send_what_goes(const std::string& bytes) {
  beast::error_code ignored;
  asio::write(stream_, asio::buffer(bytes), ignored);
}

Answer Client::receive() {
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  beast::error_code error;
  http::read(stream_, buffer_, parser, error);
  if (error) return {};
  Answer answer{parser.get().result_int(), parser.get().body(), {}, parser.keep_alive()};
  for (const auto& field : parser.get()) {
    answer.headers[std::string(field.name_string())] = std::string(field.value());
  }
  return answer;
}

std::string request(const std::string& target, const std::string& token, const std::string& body,
                    const std::string& more_headers) {
  const std::string authorization = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}{}Content-Length: {}\r\n\r\n{}", target, authorization,
                     more_headers, body.size(), body);
}

Answer Client::post(const std::string& target, const std::string& token, const std::string& body,
                    const std::string& more_headers) {
  send_what_goes(request(target, token, body, more_headers));
  return receive();
}

bool Client::is_ended() {
  std::array<char, 1> byte{};
  beast::error_code error;
  return stream_.read_some(asio::buffer(byte), error) == 0 && error;
}

bool Client::send_under_tls(const std::string& bytes) {
  beast::error_code failed;
  asio::write(stream_.next_layer(), asio::buffer(bytes), failed);
  return !failed && eventually([this] { return server_has_read_all(); });
}

// Lines of /proc/net/tcp are: number, local address, remote address, state, tx_queue:rx_queue, ...; all in hex.
bool Client::server_has_read_all() {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(stream_.next_layer().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
  if (info.tcpi_unacked > 0) return false;  // it is still on its way
  const auto end = [](const tcp::endpoint& where) { return fmt::format(":{:04X}", where.port()); };
  std::ifstream table("/proc/net/tcp");
  std::string number, local, remote, state, queues, rest;
  while (table >> number >> local >> remote >> state >> queues && std::getline(table, rest)) {
    if (!local.ends_with(end(stream_.next_layer().remote_endpoint()))) continue;
    if (!remote.ends_with(end(stream_.next_layer().local_endpoint()))) continue;
    return state == "01" && queues.ends_with(":00000000");
  }
  return false;
}

void Client::vanish() {
  stream_.next_layer().close();
}

std::string Client::peer_certificate() {
  X509* certificate = SSL_get1_peer_certificate(stream_.native_handle());
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  X509_free(certificate);
  return text;
}

ServerTest::ServerTest()
    : now_(SystemClock().now()),
      ca_(*make_ca(now_)),
      leaf_(*issue_certificate(ca_, now_)),
      scratch_(*source::ScratchDir::make(std::filesystem::temp_directory_path())) {
  options_.address = "127.0.0.1";
  options_.port = 0;
  options_.on_refusal = [this](std::string_view reason) {
    const std::lock_guard lock(mutex_);
    ++refused_[std::string(reason)];
  };
  options_.on_connection = [this](int change) { open_ += change; };
}

ServerTest::~ServerTest() {
  server_.reset();
}

Server& ServerTest::server() {
  if (!server_) {
    auto started = Server::start(options_, leaf_.certificate_pem, leaf_.key_pem, authenticator_, handler_);
    EXPECT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  return *server_;
}

std::shared_ptr<const source::Archive> ServerTest::make_archive(std::size_t size) {
  std::string bytes(size, 'a');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  const auto file = scratch_.path() / std::to_string(size);
  EXPECT_TRUE(source::write_file(file, bytes));
  return std::make_shared<const source::Archive>(source::ArchiveFiles{file, {}},
                                                 source::FileDigest{sha256_hex(bytes), size});
}

api::ResultFrame ServerTest::frame() {
  api::ResultFrame result;
  result.run_uid = "uid-1";
  result.attempt = 1;
  result.exit.how = api::ExitHow::kExited;
  result.exit.code = 0;
  result.out.head = "hello\n";
  result.out.total_bytes = 6;
  return result;
}

}  // namespace modelrun::runserver::testing
