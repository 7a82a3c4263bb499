#include "contract/site.hpp"

#include <algorithm>
#include <mutex>
#include <regex>
#include <stdexcept>
#include <thread>

#include <boost/beast/core/tcp_stream.hpp>
#include <tao/json/to_string.hpp>

#include <noetl/nats/consumer.hpp>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

std::string type_name(json_value const& value) {
   if (value.is_null()) return "null";
   if (value.is_boolean()) return "boolean";
   if (value.is_string_type()) return "string";
   if (value.is_integer()) return "integer";
   if (value.is_double()) return "number";
   return value.is_array() ? "array" : "object";
}

reply to_reply(result<http::client_response> got) {
   reply out;
   if (!got) {
      out.body = got.error().message;
      return out;
   }
   out.status = got->status;
   out.body = got->body;
   for (std::size_t i = 0; i < got->headers.size(); ++i)
      out.headers.emplace_back(got->headers[i].name, got->headers[i].value);
   if (out.body.starts_with('{') || out.body.starts_with('[')) out.value = parse(out.body);
   return out;
}

std::unique_ptr<site>& shared_site() {
   static std::unique_ptr<site> one;
   return one;
}

// Takes the shared server down before main() ends, while its database can still be dropped.
class put_away : public testing::Environment {
   void TearDown() override { shared_site().reset(); }
};
[[maybe_unused]] auto* const registered = testing::AddGlobalTestEnvironment(new put_away);

} // namespace

std::string reply::header(std::string_view name) const {
   for (auto const& [key, content] : headers)
      if (http::equal_ignoring_case(key, name)) return content;
   return {};
}

json_value const& reply::at(std::string_view path) const {
   auto const* here = &value;
   for (std::string_view rest = path; !rest.empty();) {
      auto const dot = rest.find('.');
      std::string const key(rest.substr(0, dot));
      rest = dot == rest.npos ? std::string_view{} : rest.substr(dot + 1);
      if (here->is_array()) {
         auto const index = static_cast<std::size_t>(std::stoul(key));
         if (index >= here->get_array().size()) throw std::runtime_error("no " + std::string(path) + " in " + body);
         here = &here->get_array()[index];
      } else {
         here = here->is_object() ? here->find(key) : nullptr;
      }
      if (here == nullptr) throw std::runtime_error("no " + std::string(path) + " in " + body);
   }
   return *here;
}

struct site::impl {
   deployment all;
   variables change;
   std::optional<http::blocking_client> client;
   std::optional<pg::connection> database;
   std::unique_ptr<nats::connection> bus;
   int inboxes = 0;

   http::blocking_client& http_client() {
      if (!client) client.emplace(all.base());
      return *client;
   }
   nats::connection& bus_connection() {
      if (!bus) bus = std::make_unique<nats::connection>(nats::connection_settings{.url = all.nats.url()});
      if (!bus->wait_connected(std::chrono::seconds{10})) throw std::runtime_error("no NATS");
      return *bus;
   }
};

site::site(variables change, bool start) : impl_(std::make_unique<impl>()) {
   impl_->change = std::move(change);
   if (start) start_server();
}
site::~site() = default;

site& site::shared() {
   auto& one = shared_site();
   if (!one) one = std::make_unique<site>();
   if (!one->impl_->all.server || !one->impl_->all.server->running()) one->start_server();
   return *one;
}

static http::client_request request_of(wish what) {
   http::client_request out;
   out.method = http::to_verb(what.method);
   out.target = std::move(what.target);
   out.body = std::move(what.body);
   out.content_type = std::move(what.content_type);
   for (auto& [name, value] : what.headers) out.headers.push_back({std::move(name), std::move(value)});
   return out;
}

void site::start_server(bool wait) {
   impl_->all.start_server(impl_->change, wait);
}
void site::set(variables change) {
   impl_->change = std::move(change);
}
int site::stop_server(int signal) {
   impl_->all.server->send(signal);
   return impl_->all.server->wait();
}
void site::stop_nats() {
   impl_->all.nats.stop(SIGTERM);
}
void site::start_nats() {
   impl_->all.nats.start();
}
std::string site::url() const {
   return impl_->all.url();
}
int site::port() const {
   return impl_->all.port;
}
std::string site::log() const {
   return impl_->all.server ? impl_->all.server->output() : std::string{};
}

reply site::get(std::string target) {
   return to_reply(impl_->http_client().get(std::move(target)));
}
reply site::post(std::string target, std::string body) {
   return to_reply(impl_->http_client().post(std::move(target), std::move(body)));
}
reply site::send(wish what) {
   return to_reply(impl_->http_client().send(request_of(std::move(what))));
}

std::vector<reply> site::post_together(std::string const& target, std::vector<std::string> const& bodies,
                                       std::vector<std::pair<std::string, std::string>> const& headers) {
   std::vector<reply> answers(bodies.size());
   {
      std::vector<std::jthread> senders;
      for (std::size_t i = 0; i < bodies.size(); ++i)
         senders.emplace_back([&, i] {
            http::blocking_client own(impl_->all.base());
            answers[i] = to_reply(own.send(request_of({"POST", target, bodies[i], "application/json", headers})));
         });
   }
   return answers;
}

std::string site::exchange(std::string const& bytes) {
   namespace asio = boost::asio;
   asio::io_context io;
   boost::beast::tcp_stream stream(io);
   stream.connect({asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port())});
   asio::write(stream.socket(), asio::buffer(bytes));
   std::string got;
   for (bool more = true; more;) {
      char piece[4096];
      stream.expires_after(std::chrono::milliseconds{500});
      stream.async_read_some(asio::buffer(piece), [&](boost::system::error_code ec, std::size_t size) {
         got.append(piece, size);
         more = !ec;
      });
      io.restart();
      io.run();
   }
   return got;
}

std::vector<row> site::query(std::string const& sql) {
   if (!impl_->database) impl_->database.emplace(impl_->all.db.settings());
   auto const found = impl_->database->exec(sql);
   std::vector<row> out;
   for (std::size_t i = 0; i < found.size(); ++i) {
      auto& cells = out.emplace_back();
      for (std::size_t k = 0; k < found.columns(); ++k)
         cells.push_back(found[i][k] ? std::optional(std::string(*found[i][k])) : std::nullopt);
   }
   return out;
}

std::string site::cell(std::string const& sql) {
   auto const found = query(sql);
   if (found.size() != 1 || found[0].empty()) throw std::runtime_error("not one row: " + sql);
   return found[0][0].value_or("NULL");
}

std::vector<notification> site::notifications(std::string const& execution, std::size_t count,
                                              std::chrono::milliseconds limit) {
   nats::consumer_settings settings;
   settings.stream = "noetl_commands";
   settings.durable = "test-" + std::to_string(++impl_->inboxes);
   settings.filter_subject = "noetl.commands.*." + execution;
   nats::consumer inbox(impl_->bus_connection(), settings);
   std::vector<notification> out;
   auto const until = std::chrono::steady_clock::now() + limit;
   while (out.size() < count && std::chrono::steady_clock::now() < until) {
      auto got = inbox.fetch(10, std::chrono::milliseconds{300});
      if (!got) {
         std::this_thread::sleep_for(std::chrono::milliseconds{50});
         continue;
      }
      for (auto& message : *got) {
         out.push_back(
             {std::string(message.subject()), std::string(message.data()), std::string(message.header("Nats-Msg-Id"))});
         static_cast<void>(message.ack());
      }
   }
   return out;
}

std::vector<std::string> site::stream_subjects() {
   auto const found = nats::detail::api_request(impl_->bus_connection(), "$JS.API.STREAM.INFO.noetl_commands",
                                                tao::json::empty_object, std::chrono::seconds{5});
   std::vector<std::string> subjects;
   if (!found || !found->ok()) return subjects;
   for (auto const& subject : found->body.at("config").at("subjects").get_array())
      subjects.push_back(subject.get_string());
   return subjects;
}

outcome run_server(std::vector<std::string> arguments, variables environment) {
   temporary_folder folder;
   arguments.insert(arguments.begin(), deployment::program("examples/server/noetl-server"));
   process server(std::move(arguments), std::move(environment), folder.path() / "log");
   outcome out;
   out.exit_code = server.wait_for(std::chrono::seconds{10}).value_or(-1);
   out.output = server.output();
   return out;
}

bool soon(std::function<bool()> const& done, std::chrono::milliseconds limit) {
   return eventually(done, limit);
}

std::string shape(json_value const& value) {
   if (value.is_array()) return value.get_array().empty() ? "[]" : "[" + shape(value.get_array().front()) + "]";
   if (!value.is_object()) return type_name(value);
   std::string out = "{";
   for (auto const& [name, member] : value.get_object()) {
      if (out.size() > 1) out += ',';
      out += name + ':' + type_name(member);
   }
   return out + "}";
}
std::string text(json_value const& value) {
   return tao::json::to_string(value);
}
json_value parse(std::string const& text) {
   return tao::json::from_string(text);
}
std::string number(json_value const& value) {
   return value.is_integer() ? text(value) : "-";
}

testing::AssertionResult is_error(reply const& got, unsigned status, std::string_view part) {
   auto const wrong = [&](std::string const& what) {
      return testing::AssertionFailure() << what << "; answer: " << got.status << " " << got.body;
   };
   if (got.status != status) return wrong("expected status " + std::to_string(status));
   if (got.header("content-type") != "application/json")
      return wrong("content type is '" + got.header("content-type") + "'");
   if (shape(got.value) != "{error:string,status:integer}") return wrong("members are " + shape(got.value));
   if (got.at("status").as<unsigned>() != status) return wrong("the body names another status");
   if (got.at("error").get_string().find(part) == std::string::npos)
      return wrong("expected '" + std::string(part) + "'");
   return testing::AssertionSuccess();
}

bool is_time(std::string const& text) {
   static std::regex const form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z)");
   return std::regex_match(text, form) && text.find(".000Z") == text.npos && text.find(".000000Z") == text.npos;
}

void contract::SetUp() {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   server();
}

} // namespace noetl::test
