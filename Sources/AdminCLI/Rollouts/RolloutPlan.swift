/// What a rollout would do: the answer to a dry run.
struct RolloutPlan: Decodable {
    struct Wave: Decodable {
        var number: Int
        var name: String
        var slugs: [String]
    }

    struct Skip: Decodable {
        var slug: String
        var reason: String
    }

    struct Settings: Decodable {
        var soakSeconds: Int
        var waveSoakSeconds: Int
        var batchSize: Int
        var concurrency: Int

        enum CodingKeys: String, CodingKey {
            case concurrency
            case soakSeconds = "soak_seconds"
            case waveSoakSeconds = "wave_soak_seconds"
            case batchSize = "batch_size"
        }
    }

    var targetTag: String?
    var digest: String?
    var settings: Settings
    var total: Int
    var waves: [Wave]
    var skipped: [Skip]
    var paceSeconds: Double?
    var estimatedSeconds: Int

    enum CodingKeys: String, CodingKey {
        case digest, settings, total, waves, skipped
        case targetTag = "target_tag"
        case paceSeconds = "pace_seconds"
        case estimatedSeconds = "estimated_seconds"
    }

    /// Slugs of a wave that are shown.
    static let shownSlugs = 5

    var lines: [String] {
        let image = imageText(tag: targetTag, digest: digest)
        guard total > 0 else {
            return ["No tenant would get \(image)."] + skipTable + ["", "Nothing was changed."]
        }
        return ["\(image) would go to \(counted(total, "tenant")) in this order:", ""] + waveTable + skipTable
            + [
                "",
                "About \(span(estimatedSeconds)): \(pace), \(settings.batchSize) tenants in a batch, "
                    + "\(settings.concurrency) batches at a time, soaks included.",
                "Nothing was changed. Without --dry-run the rollout starts.",
            ]
    }

    private var pace: String {
        guard let paceSeconds else { return "at an assumed pace, as no redeploy was measured yet" }
        return "\(tenths(paceSeconds)) s a redeploy, which is the median of the last ones"
    }

    private var waveTable: [String] {
        let rows = waves.map { wave in
            let soak = wave.number == 0 ? settings.soakSeconds : settings.waveSoakSeconds
            return [wave.name, "\(wave.slugs.count)", soak == 0 ? "-" : span(soak), Self.few(wave.slugs)]
        }
        return table([["WAVE", "TENANTS", "SOAK", "WHO"]] + rows)
    }

    /// Counted by reason, the most frequent first.
    private var skipTable: [String] {
        guard !skipped.isEmpty else { return [] }
        let groups = Dictionary(grouping: skipped, by: \.reason)
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let rows = groups.map { reason, skips in
            [skipReason(reason), "\(skips.count)", Self.few(skips.map(\.slug))]
        }
        return [""] + table([["SKIPPED", "TENANTS", "WHO"]] + rows)
    }

    private static func few(_ slugs: [String]) -> String {
        let more = slugs.count - shownSlugs
        return slugs.prefix(shownSlugs).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}

/// Why a rollout passes a tenant by, in words.
func skipReason(_ code: String) -> String {
    switch code {
    case "already_current": "runs it already"
    case "not_running": "not running"
    case "opted_out": "opted out"
    case "pinned": "pinned to another image"
    case "maintenance": "in maintenance"
    default: words(code)
    }
}
