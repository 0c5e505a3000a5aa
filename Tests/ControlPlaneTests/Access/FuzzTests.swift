import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Seeded inputs against everything that reads what a caller says: nothing crashes, and nothing is taken that
/// a second, simpler reading would not take.
@Suite struct FuzzTests {
    static let seed: UInt64 = 20_261_124

    // MARK: Bodies

    private struct Shape {
        var name: String
        var example: String
        var read: (Data) throws -> Set<String>

        init<Body: RequestFields>(_ type: Body.Type, _ example: String) {
            name = "\(type)"
            self.example = example
            read = { data in
                _ = try RequestBody.decode(type, from: data)
                return Set(Body.CodingKeys.allCases.map(\.stringValue))
            }
        }
    }

    private static let event =
        #"{"sequence":1,"stage":"docker","outcome":"failed","code":"timeout","exit_code":1}"#
    private static var shapes: [Shape] {
        [
            Shape(OrgRoutes.Creation.self, #"{"slug":"acme","name":"Acme","owner_user_id":"u"}"#),
            Shape(OrgRoutes.Canary.self, #"{"is_canary":true}"#),
            Shape(OperatorTokenRoutes.Creation.self, #"{"name":"a","role":"read","expires_in_days":3}"#),
            Shape(PartnerKeyRoutes.Creation.self, #"{"name":"a","partner_id":"p","scopes":["orgs:read"]}"#),
            Shape(OrgTokenRoutes.Creation.self, #"{"name":"a","scopes":["orgs:read"]}"#),
            Shape(CustomerOrgRoutes.Creation.self, #"{"slug":"acme","name":"Acme","plan":"free"}"#),
            Shape(SuspensionRoutes.Order.self, #"{"reason":"unpaid"}"#),
            Shape(QuotaRoutes.Order.self, #"{"workspaces":3,"llm_tokens":null}"#),
            Shape(InvitationRoutes.Order.self, #"{"email":"a@b.example","role":"member"}"#),
            Shape(InvitationRoutes.Acceptance.self, #"{"token":"abc"}"#),
            Shape(MemberRoutes.RoleChange.self, #"{"role":"admin"}"#),
            Shape(TermsRoutes.Acceptance.self, #"{"version":"1"}"#),
            Shape(DeleteRoutes.Order.self, #"{"confirm":"acme","erase":true}"#),
            Shape(RolloutBody.self, #"{"target_tag":"v2","dry_run":true}"#),
            Shape(FleetRedeployRoute.Body.self, #"{"target_tag":"v2","batch_size":3}"#),
            Shape(ReconcilerRoutes.Order.self, #"{"mode":"report","wait":false}"#),
            Shape(ReleaseRoutes.ChannelBody.self, #"{"target_tag":"v2"}"#),
            Shape(ReleaseRoutes.ReleaseBody.self, #"{"channel":"stable"}"#),
            Shape(RedeployRoutes.Order.self, #"{"target_tag":"v2","drain_seconds":3}"#),
            Shape(ResizeRoutes.Order.self, #"{"instance_type":"t3.large","now":true,"dry_run":true}"#),
            Shape(DeleteRoutes.Confirmation.self, #"{"confirm":"acme"}"#),
            Shape(InterventionRoutes.Confirmation.self, #"{"confirm":"acme"}"#),
            Shape(MemberRoutes.Owner.self, #"{"user_id":"u"}"#),
            Shape(CreditRoutes.Adjustment.self, #"{"credits":5,"key":"a","note":"n","month":"2026-11"}"#),
            Shape(CreditRoutes.Cap.self, #"{"credits":null}"#),
            Shape(OverageRoutes.Order.self, #"{"org":"acme","month":"2026-11","dry_run":true}"#),
            Shape(UsageAdminRoutes.Order.self, #"{"org":"acme","reason":"too_old","dry_run":true}"#),
            Shape(UsageCheckRoutes.Order.self, #"{"month":"2026-11"}"#),
            Shape(BillingRoutes.PortalOrder.self, #"{"org_slug":"acme","return_url":"https://a.example/"}"#),
            Shape(
                BillingRoutes.CheckoutOrder.self,
                """
                {"org_slug":"acme","plan":"pro","success_url":"https://a.example/","cancel_url":"/"}
                """),
            Shape(
                PriceRoutes.Order.self,
                """
                {"provider":"openai","model":"*","input_millicredits":1,"output_millicredits":1,
                "cached_millicredits":1,"reasoning_millicredits":1}
                """),
            Shape(
                WorkspaceEventRoutes.Batch.self,
                """
                {"events":[{"id":"0a1b2c3d-0000-4000-8000-000000000001","kind":"online",
                "workspace_id":"0a1b2c3d-0000-4000-8000-000000000002","occurred_at":"2026-11-24T10:00:00Z"}]}
                """),
            Shape(BootRoutes.Batch.self, #"{"events":[\#(event)]}"#),
            Shape(BootEvent.self, event),
            Shape(EnrolmentRequest.self, #"{"identity_pkcs7":"x","agent_version":"1"}"#),
            Shape(
                ReEnrolmentRequest.self,
                """
                {"identity_pkcs7":"x","agent_version":"","secrets_encryption_key":"","database_password":""}
                """),
        ]
    }

    @Test func everyBodyIsReadOrRefusedInWords() throws {
        var generator = SplitMix(state: Self.seed)
        var (taken, refused) = (0, 0)
        for round in 0..<1_800 {
            for shape in Self.shapes {
                let data = Mutation.json(shape.example, round: round, using: &generator)
                do {
                    let known = try shape.read(data)
                    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
                    #expect(object.map { Set($0.keys).isSubset(of: known) } == true, "\(shape.name)")
                    taken += 1
                } catch let error as AppError {
                    #expect(error.kind == .invalid && !error.message.contains(Mutation.marker))
                    refused += 1
                }
            }
        }
        print("fuzz: \(taken + refused) bodies of \(Self.shapes.count) shapes, \(taken) taken")
        #expect(taken > 1_000 && refused > 10_000)
    }

    /// A type that is read from a body and is not fuzzed fails here.
    @Test func everyBodyTypeIsAmongThem() throws {
        let folder = "\(packageRoot)/Sources/ControlPlane"
        let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
        let found = try names.filter { $0.hasSuffix(".swift") }.reduce(0) { count, name in
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            return count + text.matches(of: /(struct|extension) \w+: RequestFields/).count
        }
        #expect(found == Self.shapes.count)
    }

    // MARK: Bearers

    @Test func onlyATokenOfTheRightFormIsLookedUp() throws {
        var generator = SplitMix(state: Self.seed + 1)
        let form = /mol_(op_|ot_)[0-9a-f]{64}|mol_pk_live_[0-9a-f]{32}/
        var taken = 0
        for round in 0..<20_000 {
            let good = CredentialToken.random(CredentialKind.allCases[round % 3]).text
            let text = round % 10 == 0 ? good : Mutation.text(good, using: &generator)
            let isWhole = text.utf8.elementsEqual(good.utf8) || text.wholeMatch(of: form) != nil
            #expect((CredentialToken(text) != nil) == isWhole, "\(text)")
            taken += isWhole ? 1 : 0
        }
        #expect(taken >= 2_000)
        print("fuzz: 20000 bearer tokens, \(taken) of the right form")
    }

    // MARK: Slugs, addresses

    @Test func aSlugIsWhatTheContractSaysAndNeverAReservedName() {
        var generator = SplitMix(state: Self.seed + 4)
        for round in 0..<20_000 {
            let base = round % 5 == 0 ? Slug.reserved.sorted()[round % Slug.reserved.count] : "acme-2"
            let text = round % 7 == 0 ? base : Mutation.text(base, using: &generator)
            let isLegal =
                text.utf8.elementsEqual(text.unicodeScalars.map { UInt8($0.value & 0x7f) })
                && text.wholeMatch(of: /[a-z][a-z0-9-]{2,31}/) != nil
            #expect(((try? Slug(text)) != nil) == isLegal, "\(text)")
            if let slug = try? Slug.forNewOrg(text) { #expect(!Slug.reserved.contains(slug.text)) }
        }
    }

    /// A corpus of known tricks, each changed a little: what is allowed is https on one of the domains.
    @Test func aBrowserIsSentNowhereElse() {
        var generator = SplitMix(state: Self.seed + 6)
        let urls = ReturnURLs(
            domains: ["tenants.example"], ownHost: "cp.example", ports: [], fallback: "https://cp.example/")
        let tricks = [
            "https://acme.tenants.example/a?b=c#d", "https://cp.example/", "//evil.example",
            "/\\evil.example",
            "https:evil.example", "https:///evil.example", "https://cp.example@evil.example/",
            "https://evil.example/https://cp.example", "https://cp.example.evil.example/",
            "https://evil.example#@cp.example", "https://evil.example?cp.example", "javascript:alert(1)",
            "data:text/html,x", "https://cp.example%2eevil.example", "https://cp.example\\@evil.example",
            "https://cp.example:443@evil.example", "HTTPS://cp.example/", "http://cp.example/",
            "https://[::1]/", "https://tenants.example.:443/", "https://xtenants.example/",
            "https://acme.tenants.example\t.evil.example", "https://ａcme.tenants.example/",
        ]
        let form = /https:\/\/(cp\.example|([a-z0-9-]+\.)*tenants\.example)(:443)?([\/?#].*)?/
        var allowed = 0
        for round in 0..<10_000 {
            let trick = tricks[round % tricks.count]
            let text = round % 3 == 0 ? trick : Mutation.text(trick, using: &generator)
            guard urls.allows(text) else { continue }
            allowed += 1
            #expect(text.wholeMatch(of: form.ignoresCase()) != nil && !text.contains("\\"), "\(text)")
        }
        #expect(allowed > 100)
        print("fuzz: 10000 places to return to, \(allowed) allowed")
    }

    /// Whoever writes X-Forwarded-For, a trusted proxy's word is the last that counts.
    @Test func noClientChoosesItsAddress() {
        var generator = SplitMix(state: Self.seed + 5)
        let proxies = TrustedProxies(ranges: [AddressRange("10.0.0.0/8")!])
        for _ in 0..<10_000 {
            let written = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                Mutation.text("203.0.113.9, 10.1.1.1", using: &generator)
            }
            #expect(proxies.client(peer: "198.51.100.1", forwarded: written) == "198.51.100.1")
            let appended = written + ["192.0.2.44"]
            #expect(proxies.client(peer: "10.0.0.1", forwarded: appended) == "192.0.2.44")
            if let address = IPAddress(written.first ?? "") {
                #expect(IPAddress(address.text) == address)
            }
        }
    }
}
