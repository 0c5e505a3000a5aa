import HTTPTypes
import Hummingbird
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

/// Seeded headers, as `FuzzTests` has bodies and names.
@Suite struct FuzzHeaderTests {
    @Test func anAuthorizationHeaderIsABearerOrNothing() {
        var generator = SplitMix(state: FuzzTests.seed + 2)
        for _ in 0..<10_000 {
            let header = Mutation.text("Bearer mol_op_0123456789", using: &generator)
            let request = Self.request([.init(name: .authorization, value: header)])
            // As the library has it: what no header can hold, it has replaced.
            let kept = request.headers[.authorization] ?? ""
            let token = try? BearerToken.text(in: request)
            #expect(token == nil || kept == "Bearer \(token ?? "")")
            #expect(token.map { (1...BearerToken.maximumLength).contains($0.utf8.count) } ?? true)
        }
    }

    @Test func aSessionIsOneCookieOfItsNameAndNothingElse() {
        var generator = SplitMix(state: FuzzTests.seed + 3)
        let settings = SessionSettings(cookieDomain: nil, idle: .seconds(60), lifetime: .seconds(60))
        var taken = 0
        for round in 0..<15_000 {
            let good = SessionToken.generate().text
            let pair = "\(settings.cookieName)=\(good)"
            let pairs = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                Bool.random(using: &generator) ? "a=b" : Mutation.text(pair, using: &generator)
            }
            let header = (round % 4 == 0 ? pairs + [pair] : pairs).joined(separator: "; ")
            let request = Self.request([.init(name: .cookie, value: header)])
            guard let token = settings.token(in: request) else { continue }
            taken += 1
            let kept = request.headers[.cookie] ?? ""
            let named = kept.split(separator: ";").filter {
                $0.drop { $0 == " " }.hasPrefix(settings.cookieName + "=")
            }
            #expect(named.count == 1 && token.text.wholeMatch(of: /[0-9a-f]{64}/) != nil, "\(kept)")
        }
        #expect(taken > 1_000)
        print("fuzz: 15000 cookie headers, \(taken) with a session")
    }

    private static func request(_ fields: [HTTPField]) -> Request {
        Request(
            head: .init(
                method: .get, scheme: "https", authority: "cp.example", path: "/",
                headerFields: HTTPFields(fields)),
            body: .init(buffer: ByteBuffer()))
    }
}
