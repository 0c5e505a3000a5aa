#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The idempotency key of a step: the same in every try, different for every workflow and step. At most 64
/// characters of `[A-Za-z0-9_.-]`: the bound of EC2's ClientToken, the strictest of the services we call.
func stepKey(workflow: UUID, step: String) -> String {
    let id = workflow.uuidString.lowercased().filter { $0 != "-" }
    let plain = step.utf8.allSatisfy(isKeyCharacter)
    if plain, step.utf8.count <= 31 { return "\(id)-\(step)" }
    let readable = String(decoding: step.utf8.filter(isKeyCharacter).prefix(14), as: UTF8.self)
    let hash = String(fnv1a(step), radix: 16)
    return "\(id)-\(readable)-\(String(repeating: "0", count: 16 - hash.count))\(hash)"
}

private func isKeyCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): true
    default: false
    }
}

/// FNV-1a, 64 bits: tells the steps of one workflow apart; nobody attacks it.
private func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
