import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

@Suite struct ClientAddressTests {
    private static let proxies = TrustedProxies(
        ranges: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].compactMap { AddressRange($0) })

    static let cases: [(peer: String?, forwarded: [String], client: String?)] = [
        ("203.0.113.5", [], "203.0.113.5"),
        // Not from a proxy: its word is its own.
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        // What the client wrote itself stands to the left.
        ("10.1.1.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["8.8.8.8", "198.51.100.1, 10.2.2.2,192.0.2.7"], "198.51.100.1"),
        ("10.1.1.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        // No address: whoever was before it is the last that is known.
        ("10.1.1.1", ["198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
        ("10.1.1.1", ["198.51.100.1:443"], "10.1.1.1"), ("10.1.1.1", [""], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1, "], "198.51.100.1"),
        ("::ffff:10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8::1", ["2001:db9:0:0:0::5"], "2001:db9::5"), ("2001:db9::1", ["1.1.1.1"], "2001:db9::1"),
        (nil, ["198.51.100.1"], nil),
    ]

    @Test(arguments: cases)
    func theNearestThatIsNoProxyIsTheClient(_ peer: String?, _ forwarded: [String], _ client: String?) {
        #expect(Self.proxies.client(peer: peer, forwarded: forwarded) == client)
    }

    @Test func onlySoManyHopsAreLookedAt() {
        let hops = Array(repeating: "10.9.9.9", count: TrustedProxies.maximumHops).joined(separator: ",")
        #expect(Self.proxies.client(peer: "10.1.1.1", forwarded: ["1.1.1.1," + hops]) == "10.9.9.9")
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/9", "10.128.0.0", false), ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false),
        ("::/0", "2001:db8::1", true), ("2001:db8:8000::/33", "2001:db8:7fff::1", false),
        ("::ffff:10.0.0.0/8", "10.1.1.1", true),
    ])
    func aRangeHoldsWhatItsPrefixSays(_ range: String, _ address: String, _ isIn: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(try #require(IPAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "a/8", "::/129", "1.1.1.1/8/8",
    ])
    func whatIsNoRangeIsRefused(_ text: String) { #expect(AddressRange(text) == nil) }

    @Test func oneSubscriberHasOneAddressOfVersion4AndANetworkOfVersion6() throws {
        #expect(try #require(IPAddress("203.0.113.5")).subscriber == "203.0.113.5")
        let one = try #require(IPAddress("2001:db8:1:2:aaaa::1"))
        let other = try #require(IPAddress("2001:db8:1:2:bbbb::2"))
        let neighbour = try #require(IPAddress("2001:db8:1:3::1"))
        #expect(one.subscriber == "2001:db8:1:2::/64" && one.subscriber == other.subscriber)
        #expect(one.subscriber != neighbour.subscriber)
    }
}
