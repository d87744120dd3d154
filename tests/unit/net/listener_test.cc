#include "net/listener.h"

#include <gtest/gtest.h>

#include <future>

namespace modelrun::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

TEST(Listener, TakesConnectionsUntilItIsClosed) {
  asio::io_context io;
  std::promise<std::string> taken;
  auto listener = Listener::start(io, {"127.0.0.1", 0}, 2, [&](tcp::socket socket) {
    taken.set_value(socket.local_endpoint().address().to_string());
  });
  ASSERT_TRUE(listener) << listener.error().message;
  asio::io_context here;
  const tcp::endpoint there(asio::ip::make_address("127.0.0.1"), (*listener)->port());
  tcp::socket client(here);
  client.connect(there);
  auto address = taken.get_future();
  ASSERT_EQ(address.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(address.get(), "127.0.0.1");

  (*listener)->close();
  (*listener)->join();
  boost::system::error_code error;
  tcp::socket late(here);
  late.connect(there, error);
  EXPECT_EQ(error, asio::error::connection_refused);
}

TEST(Listener, SaysWhyItCannotListen) {
  asio::io_context io;
  const auto ignore = [](tcp::socket) {};
  const auto name = Listener::start(io, {"localhost", 0}, 1, ignore);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().kind, ErrorKind::kInvalid);
  const auto first = Listener::start(io, {"127.0.0.1", 0}, 1, ignore);
  ASSERT_TRUE(first) << first.error().message;
  asio::io_context other;
  const auto second = Listener::start(other, {"127.0.0.1", (*first)->port()}, 1, ignore);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
  EXPECT_NE(second.error().message.find(std::to_string((*first)->port())), std::string::npos);
}

}  // namespace
}  // namespace modelrun::net
