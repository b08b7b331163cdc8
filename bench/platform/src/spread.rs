//! What several rounds measured of one figure.

/// Values of several rounds.
pub struct Spread {
    low: f64,
    /// The one in the middle.
    pub median: f64,
    high: f64,
    is_one: bool,
}

impl Spread {
    /// Of at least one value; of none, all are no number.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self {
            low: at(0),
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            high: at(last),
            is_one: last == 0,
        }
    }

    /// `median [low..high]`, and the value alone where there is one only.
    pub fn written(&self, digits: usize) -> String {
        let Self { low, median, high, is_one } = self;
        if *is_one {
            format!("{median:.digits$}")
        } else {
            format!("{median:.digits$} [{low:.digits$}..{high:.digits$}]")
        }
    }
}
