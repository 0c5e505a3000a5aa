import Foundation
import TestSupport
import Testing

/// A dependency's own copy of BoringSSL costs a first build minutes: TLS and cryptography are the system's.
@Suite struct LinkedObjectsTests {
    /// The modules that such a copy is compiled as.
    static let forbidden = ["CNIOBoringSSL"]

    @Test func noProgramLinksACopyOfBoringSSL() throws {
        let folder = URL(filePath: builtProduct("")).path
        let lists = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".product") }
            .map { try String(contentsOfFile: "\(folder)/\($0)/Objects.LinkFileList", encoding: .utf8) }
        #expect(lists.count > 5)
        #expect(lists.contains { $0.contains("/LocalCloud.build/") })
        for name in Self.forbidden {
            #expect(!lists.contains { $0.contains(name) }, "\(name) is linked")
        }
    }
}
