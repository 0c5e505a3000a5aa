import Digests
import FoundationEssentials

/// A batch whose events are judged, on its way to the database.
struct JudgedUsage: Sendable {
    let org: UUID
    let sent: SentUsage
    /// Each id once.
    private(set) var counted: [CountedEvent] = []
    private(set) var setAside: [SetAsideEvent] = []

    /// - Parameter body: that `sent` was read from.
    init(_ sent: SentUsage, body: UnsafeBufferPointer<UInt8>, judgement: UsageJudgement) {
        self.sent = sent
        org = judgement.org
        counted.reserveCapacity(sent.events.count)
        var ids = Set<UUID>(minimumCapacity: sent.events.count)
        var amount = UsageAmount()
        for event in sent.events {
            switch judgement.verdict(on: event) {
            case .counts(let counts):
                guard ids.insert(counts.id).inserted else { continue }
                if amount.add(UsageAmount(counts), within: .ofBatch) {
                    counted.append(counts)
                } else {
                    setAside.append(Self.setAside(event, .batchLimit, Self.beyondBatch, body))
                }
            case .isSetAside(let reason, let detail):
                setAside.append(Self.setAside(event, reason, detail, body))
            }
        }
    }

    /// Events that are judged already, of no batch.
    init(org: UUID, counted: [CountedEvent]) {
        (self.org, self.counted) = (org, counted)
        sent = SentUsage()
    }

    private static let beyondBatch = "\(UsageAmount.ofBatch.meaning) of the batch would have counted with it"

    /// Moves the events that do not fit their day into quarantine.
    mutating func fit(_ days: UsageDays, body: UnsafeBufferPointer<UInt8>) {
        var days = days
        counted.removeAll { event in
            guard !days.admit(event) else { return false }
            setAside.append(
                Self.setAside(sent.events[event.offset], .dayLimit, UsageDays.detail(event), body))
            return true
        }
    }

    static func setAside(
        _ event: SentEvent, _ reason: SetAsideReason, _ detail: String, _ body: UnsafeBufferPointer<UInt8>
    ) -> SetAsideEvent {
        let bytes = UnsafeBufferPointer(rebasing: body[event.bytes])
        return SetAsideEvent(
            offset: event.offset, id: event.id ?? id(of: bytes), reason: reason, detail: detail,
            event: SetAsideText(bytes))
    }

    /// The same bytes sent again are the same event. A version 8 UUID (RFC 9562, section 5.8).
    private static func id(of bytes: UnsafeBufferPointer<UInt8>) -> UUID {
        var digest = Array(SHA256Digest(of: UnsafeRawBufferPointer(bytes)).bytes.prefix(16))
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return digest.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
