import Linux

/// What a guest's programs were compiled for: the levels of the x86-64 psABI, each with all of those before it.
package enum ProcessorLevel: String, Sendable, CaseIterable, Comparable {
    case v1 = "x86-64-v1"
    case v2 = "x86-64-v2"
    case v3 = "x86-64-v3"
    case v4 = "x86-64-v4"

    /// What QEMU's translator has (since 7.2).
    static let mostInEmulation = ProcessorLevel.v3

    package static func < (left: ProcessorLevel, right: ProcessorLevel) -> Bool { left.rawValue < right.rawValue }

    /// What it has beyond the level before it, as Linux calls it (`flags` in /proc/cpuinfo).
    private var features: [String] {
        switch self {
        case .v1: []
        case .v2: ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]
        case .v3: ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]
        case .v4: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
        }
    }

    /// Refuses a guest that would stop in its first second, without a word.
    /// - Parameter flags: of this machine's processor; empty where nothing is known of it, and then nothing is refused.
    /// - Throws: ``GuestDomainError/processorTooOld(level:missing:)``.
    package func check(
        _ accelerator: Accelerator, flags: Set<String> = Machine.processorFlags
    ) throws(GuestDomainError) {
        switch accelerator {
        case .tcg:
            if self > ProcessorLevel.mostInEmulation { throw .processorTooOld(level: rawValue, missing: []) }
        case .kvm:
            if flags.isEmpty { return }
            let needed = ProcessorLevel.allCases.filter { $0 <= self }.flatMap(\.features)
            let missing = needed.filter { !flags.contains($0) }
            if !missing.isEmpty { throw .processorTooOld(level: rawValue, missing: missing) }
        }
    }
}
