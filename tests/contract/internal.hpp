// tests/contract/internal.hpp: a server with an internal token and without a bus, so that nobody but the test touches
// its outbox.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "contract/hand.hpp"

namespace noetl::test {

inline constexpr char const* internal_token = "t0ken-of-the-tests";

inline std::unique_ptr<site>& internal_site_holder() {
   static std::unique_ptr<site> one;
   return one;
}

/// Base of the suites about /api/internal. The server is shared by them and ends before main() does.
class internal_contract : public contract {
protected:
   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      struct put_away : testing::Environment {
         void TearDown() override { internal_site_holder().reset(); }
      };
      static auto* const registered = testing::AddGlobalTestEnvironment(new put_away);
      static_cast<void>(registered);
      if (!internal_site_holder())
         internal_site_holder() = std::make_unique<site>(
             variables{{"NOETL_NATS_URL", ""}, {"NOETL_INTERNAL_API_TOKEN", std::string(" ") + internal_token + "\n"}});
   }
   static site& at() { return *internal_site_holder(); }

   /// With the token.
   static reply post(std::string target, std::string body, std::string content_type = "application/json") {
      return at().send(
          {"POST", "/api/internal" + std::move(target), std::move(body), std::move(content_type), bearer()});
   }
   static reply get(std::string target) {
      return at().send({"GET", "/api/internal" + std::move(target), {}, {}, bearer()});
   }
   static std::vector<std::pair<std::string, std::string>> bearer() {
      return {{"Authorization", std::string("Bearer ") + internal_token}};
   }
   static std::string cell(std::string const& sql) { return at().cell(sql); }
};

} // namespace noetl::test
