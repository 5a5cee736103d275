import CSeccomp
import Linux

/// Which system calls a process may make from now on, and what becomes of the others; the filter goes over to all that it starts and
/// cannot be taken off (seccomp, by libseccomp).
///
/// Rules of one call must not contradict each other. Calls of another architecture's convention (32-bit programs on a 64-bit machine,
/// x32) end the process: their numbers mean other calls.
package struct SystemCallFilter: Sendable, Equatable {
    /// What becomes of a call.
    package enum Action: Sendable, Equatable {
        case allow
        /// The call does nothing and fails with this error.
        case refuse(ErrorNumber)
        /// The call does nothing and answers 0, as if it had been done.
        case pretend
        /// The process ends with SIGSYS, all its threads with it.
        case endProcess
    }

    /// What an argument must be for a rule to count. Numbers as C's `int` has them are looked at by their lower 32 bits only, as the
    /// kernel does.
    package struct Condition: Sendable, Equatable {
        fileprivate let argument: UInt32
        fileprivate let comparison: scmp_compare
        fileprivate let operands: (UInt64, UInt64)

        /// The argument, counted from 0, is this `int`.
        package static func argument(_ argument: UInt32, is value: UInt32) -> Condition {
            self.argument(argument, masked: UInt64(UInt32.max), is: UInt64(value))
        }

        /// Of the bits in `mask`, just those of `value` are set.
        package static func argument(_ argument: UInt32, masked mask: UInt64, is value: UInt64) -> Condition {
            Condition(argument: argument, comparison: SCMP_CMP_MASKED_EQ, operands: (mask, value))
        }

        /// The argument, with all its 64 bits and no sign, is this number or a larger one.
        package static func argument(_ argument: UInt32, isAtLeast value: UInt64) -> Condition {
            Condition(argument: argument, comparison: SCMP_CMP_GE, operands: (value, 0))
        }

        package static func == (one: Condition, other: Condition) -> Bool {
            one.argument == other.argument && one.comparison == other.comparison && one.operands == other.operands
        }
    }

    private enum Calls: Sendable, Equatable {
        case named(String)
        case numbered(Int32)

        var text: String {
            switch self {
            case .named(let name): name
            case .numbered(let number): "\(number)"
            }
        }
    }

    private struct Rule: Sendable, Equatable {
        let call: Calls
        let action: Action
        let conditions: [Condition]
    }

    private let otherwise: Action
    private var rules: [Rule] = []

    /// - Parameter otherwise: what becomes of calls that no rule names.
    package init(otherwise: Action) {
        self.otherwise = otherwise
    }

    /// Adds a rule for each call.
    /// - Parameters:
    ///   - calls: names as in the man pages; those that this machine does not have are left out.
    ///   - conditions: all must hold; none: always.
    package mutating func add(_ action: Action, _ calls: [String], where conditions: Condition...) {
        rules += calls.map { Rule(call: .named($0), action: action, conditions: conditions) }
    }

    /// Adds a rule for each number of a call that no other rule names: for calls that the library does not know by name.
    package mutating func add(_ action: Action, numbers: ClosedRange<Int32>) {
        rules += numbers.map { Rule(call: .numbered($0), action: action, conditions: []) }
    }

    /// Filters this process from now on, all its threads; it also sets no_new_privs.
    /// - Throws: ``SystemCallError``: EINVAL for a name that libseccomp does not know or rules that contradict each other.
    package func load() throws(SystemCallError) {
        let compiled = try Compiled(otherwise: otherwise, rules: rules)
        try compiled.set(SCMP_FLTATR_CTL_TSYNC, 1)
        try Compiled.check(seccomp_load(compiled.context), "seccomp_load")
    }

    /// The filter as the kernel takes it, an array of `struct sock_filter`: what `bwrap --seccomp` reads. 32 KiB at most.
    /// - Throws: as ``load()``.
    package func program() throws(SystemCallError) -> [UInt8] {
        let compiled = try Compiled(otherwise: otherwise, rules: rules)
        // A pipe holds 64 KiB, so nobody need read meanwhile.
        let pipe = try Pipe()
        try Compiled.check(seccomp_export_bpf(compiled.context, pipe.writing.descriptor), "seccomp_export_bpf")
        try pipe.reading.makeNonblocking()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        var program: [UInt8] = []
        while case .bytes(let count) = try pipe.reading.receive(into: buffer) { program += buffer[..<count] }
        return program
    }

    /// libseccomp's form of it.
    private final class Compiled {
        let context: scmp_filter_ctx

        init(otherwise: Action, rules: [Rule]) throws(SystemCallError) {
            guard let context = seccomp_init(otherwise.value) else {
                throw SystemCallError(.invalidArgument, call: "seccomp_init")
            }
            self.context = context
            // The kernel's own error instead of ECANCELED.
            try set(SCMP_FLTATR_API_SYSRAWRC, 1)
            // A tree of comparisons instead of a list.
            try set(SCMP_FLTATR_CTL_OPTIMIZE, 2)
            let names = rules.compactMap { rule -> String? in
                guard case .named(let name) = rule.call else { return nil }
                return name
            }
            var numbers: [String: Int32] = [:]
            for name in names { numbers[name] = try Self.number(name) }
            let named = Set(numbers.values)
            for rule in rules {
                let number: Int32
                switch rule.call {
                case .named(let name):
                    // Not a call of this architecture.
                    guard let found = numbers[name], found >= 0 else { continue }
                    number = found
                case .numbered(let found):
                    guard !named.contains(found) else { continue }
                    number = found
                }
                // libseccomp refuses what happens anyway.
                if rule.action == otherwise { continue }
                let conditions = rule.conditions.map {
                    scmp_arg_cmp(arg: $0.argument, op: $0.comparison, datum_a: $0.operands.0, datum_b: $0.operands.1)
                }
                let code = seccomp_rule_add_array(
                    context, rule.action.value, number, UInt32(conditions.count), conditions)
                try Self.check(code, "seccomp_rule_add", rule.call.text)
            }
        }

        deinit { seccomp_release(context) }

        func set(_ attribute: scmp_filter_attr, _ value: UInt32) throws(SystemCallError) {
            try Self.check(seccomp_attr_set(context, attribute, value), "seccomp_attr_set")
        }

        /// Negative for a call that only other architectures have.
        private static func number(_ name: String) throws(SystemCallError) -> Int32 {
            let number = seccomp_syscall_resolve_name(name)
            if osc_seccomp_is_unknown(number) != 0 {
                throw SystemCallError(.invalidArgument, call: "seccomp_syscall_resolve_name", subject: name)
            }
            return number
        }

        /// libseccomp returns the error's number, negative.
        static func check(_ code: Int32, _ call: String, _ subject: String = "") throws(SystemCallError) {
            if code < 0 { throw SystemCallError(code: -code, call: call, subject: subject) }
        }
    }
}

extension SystemCallFilter.Action {
    fileprivate var value: UInt32 {
        switch self {
        case .allow: osc_seccomp_allow()
        case .refuse(let number): osc_seccomp_errno(number.rawValue)
        case .pretend: osc_seccomp_errno(0)
        case .endProcess: osc_seccomp_kill_process()
        }
    }
}
