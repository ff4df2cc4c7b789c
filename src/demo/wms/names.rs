//! The word lists the assortment is made from, English and Chinese side by side.

/// A word in both languages.
pub type Word = (&'static str, &'static str);

/// A family of products: all combinations of its styles and variants are items.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub code: &'static str,
    pub category: &'static str,
    /// Who delivers it: indices of [`SUPPLIERS`].
    pub suppliers: [usize; 2],
    pub name: Word,
    pub styles: [Word; 5],
    pub variants: &'static [Word],
    /// Shelf price range in whole currency units.
    pub price: (i64, i64),
    /// Chance that a line is for more than one piece.
    pub multiple: f64,
    /// Units per supplier's pack.
    pub pack: i64,
    /// Days until a lot expires; `None` for goods that keep.
    pub shelf_life_days: Option<i32>,
}

const COLOURS: &[Word] = &[
    ("black", "黑色"),
    ("white", "白色"),
    ("sky blue", "天蓝"),
    ("mint", "薄荷绿"),
    ("coral", "珊瑚红"),
    ("lemon", "柠檬黄"),
    ("lilac", "丁香紫"),
];
const WEIGHTS: &[Word] =
    &[("50 g", "50克"), ("100 g", "100克"), ("200 g", "200克"), ("gift box", "礼盒装"), ("family pack", "家庭装")];
const LENGTHS: &[Word] = &[("0.5 m", "0.5米"), ("1 m", "1米"), ("1.5 m", "1.5米"), ("2 m", "2米"), ("3 m", "3米")];
const SIZES: &[Word] = &[("small", "小号"), ("medium", "中号"), ("large", "大号"), ("extra large", "特大号")];

/// What the chain sells.
pub const FAMILIES: [Family; 16] = [
    Family {
        code: "CASE",
        category: "electronics/phone-cases",
        suppliers: [0, 1],
        name: ("phone case", "手机壳"),
        styles: [
            ("Clear", "透明"),
            ("Silicone", "硅胶"),
            ("Magnetic", "磁吸"),
            ("Leather", "皮质"),
            ("Glitter", "闪粉"),
        ],
        variants: COLOURS,
        price: (29, 99),
        multiple: 0.05,
        pack: 20,
        shelf_life_days: None,
    },
    Family {
        code: "CABL",
        category: "electronics/cables",
        suppliers: [1, 7],
        name: ("charging cable", "充电线"),
        styles: [
            ("USB-C", "USB-C"),
            ("Braided", "编织"),
            ("Fast", "快充"),
            ("Three-way", "一拖三"),
            ("Magnetic", "磁吸"),
        ],
        variants: LENGTHS,
        price: (19, 79),
        multiple: 0.12,
        pack: 20,
        shelf_life_days: None,
    },
    Family {
        code: "EARS",
        category: "electronics/earphones",
        suppliers: [1, 1],
        name: ("earphones", "耳机"),
        styles: [
            ("Wireless", "无线"),
            ("Wired", "有线"),
            ("Sports", "运动"),
            ("Bone-conduction", "骨传导"),
            ("Mini", "迷你"),
        ],
        variants: COLOURS,
        price: (59, 299),
        multiple: 0.02,
        pack: 10,
        shelf_life_days: None,
    },
    Family {
        code: "POWR",
        category: "electronics/power-banks",
        suppliers: [1, 1],
        name: ("power bank", "充电宝"),
        styles: [("Slim", "超薄"), ("Pocket", "口袋"), ("Solar", "太阳能"), ("Travel", "旅行"), ("Magnetic", "磁吸")],
        variants: COLOURS,
        price: (79, 199),
        multiple: 0.02,
        pack: 10,
        shelf_life_days: None,
    },
    Family {
        code: "TEA",
        category: "food/tea",
        suppliers: [2, 3],
        name: ("tea", "茶"),
        styles: [
            ("Longjing", "龙井"),
            ("Tieguanyin", "铁观音"),
            ("Jasmine", "茉莉花"),
            ("Pu'er", "普洱"),
            ("Osmanthus oolong", "桂花乌龙"),
        ],
        variants: WEIGHTS,
        price: (38, 268),
        multiple: 0.25,
        pack: 12,
        shelf_life_days: Some(540),
    },
    Family {
        code: "COFF",
        category: "food/coffee",
        suppliers: [3, 3],
        name: ("coffee", "咖啡"),
        styles: [
            ("Yunnan", "云南"),
            ("Ethiopian", "埃塞俄比亚"),
            ("Drip-bag", "挂耳"),
            ("Cold-brew", "冷萃"),
            ("Decaf", "低因"),
        ],
        variants: WEIGHTS,
        price: (35, 159),
        multiple: 0.2,
        pack: 12,
        shelf_life_days: Some(270),
    },
    Family {
        code: "SNAK",
        category: "food/snacks",
        suppliers: [3, 7],
        name: ("crisps", "脆片"),
        styles: [
            ("Seaweed", "海苔"),
            ("Sichuan pepper", "花椒"),
            ("Sweet potato", "红薯"),
            ("Lotus root", "莲藕"),
            ("Mushroom", "香菇"),
        ],
        variants: WEIGHTS,
        price: (9, 39),
        multiple: 0.4,
        pack: 24,
        shelf_life_days: Some(180),
    },
    Family {
        code: "CHOC",
        category: "food/chocolate",
        suppliers: [3, 7],
        name: ("chocolate", "巧克力"),
        styles: [("Dark", "黑"), ("Milk", "牛奶"), ("Matcha", "抹茶"), ("Yuzu", "柚子"), ("Hazelnut", "榛子")],
        variants: WEIGHTS,
        price: (15, 89),
        multiple: 0.3,
        pack: 24,
        shelf_life_days: Some(300),
    },
    Family {
        code: "UMBR",
        category: "home/umbrellas",
        suppliers: [7, 0],
        name: ("umbrella", "雨伞"),
        styles: [
            ("Folding", "折叠"),
            ("Sun", "遮阳"),
            ("Clear", "透明"),
            ("Windproof", "防风"),
            ("Children's", "儿童"),
        ],
        variants: COLOURS,
        price: (39, 129),
        multiple: 0.06,
        pack: 12,
        shelf_life_days: None,
    },
    Family {
        code: "MUG",
        category: "home/mugs",
        suppliers: [5, 7],
        name: ("mug", "马克杯"),
        styles: [("Porcelain", "白瓷"), ("Enamel", "搪瓷"), ("Glass", "玻璃"), ("Bamboo", "竹制"), ("Travel", "随行")],
        variants: COLOURS,
        price: (25, 119),
        multiple: 0.2,
        pack: 12,
        shelf_life_days: None,
    },
    Family {
        code: "TOWL",
        category: "home/towels",
        suppliers: [8, 7],
        name: ("towel", "毛巾"),
        styles: [
            ("Cotton", "纯棉"),
            ("Bamboo-fibre", "竹纤维"),
            ("Linen", "亚麻"),
            ("Waffle", "华夫格"),
            ("Quick-dry", "速干"),
        ],
        variants: SIZES,
        price: (19, 99),
        multiple: 0.25,
        pack: 12,
        shelf_life_days: None,
    },
    Family {
        code: "HAND",
        category: "beauty/hand-cream",
        suppliers: [6, 6],
        name: ("hand cream", "护手霜"),
        styles: [("Rose", "玫瑰"), ("Green-tea", "绿茶"), ("Shea", "乳木果"), ("Almond", "杏仁"), ("Ginseng", "人参")],
        variants: SIZES,
        price: (19, 89),
        multiple: 0.12,
        pack: 24,
        shelf_life_days: Some(900),
    },
    Family {
        code: "MASK",
        category: "beauty/face-masks",
        suppliers: [6, 6],
        name: ("face mask", "面膜"),
        styles: [("Aloe", "芦荟"), ("Pearl", "珍珠"), ("Centella", "积雪草"), ("Rice", "大米"), ("Honey", "蜂蜜")],
        variants: WEIGHTS,
        price: (12, 129),
        multiple: 0.35,
        pack: 24,
        shelf_life_days: Some(720),
    },
    Family {
        code: "NOTE",
        category: "stationery/notebooks",
        suppliers: [4, 4],
        name: ("notebook", "笔记本"),
        styles: [("Ruled", "横线"), ("Dotted", "点阵"), ("Blank", "空白"), ("Kraft", "牛皮纸"), ("Spiral", "线圈")],
        variants: SIZES,
        price: (12, 69),
        multiple: 0.2,
        pack: 20,
        shelf_life_days: None,
    },
    Family {
        code: "PLSH",
        category: "toys/plush",
        suppliers: [9, 7],
        name: ("plush toy", "毛绒玩具"),
        styles: [("Panda", "熊猫"), ("Rabbit", "兔子"), ("Dragon", "小龙"), ("Capybara", "水豚"), ("Shiba", "柴犬")],
        variants: SIZES,
        price: (39, 239),
        multiple: 0.05,
        pack: 6,
        shelf_life_days: None,
    },
    Family {
        code: "SOCK",
        category: "clothing/socks",
        suppliers: [8, 7],
        name: ("socks", "袜子"),
        styles: [("Cotton", "纯棉"), ("Wool", "羊毛"), ("Sports", "运动"), ("Ankle", "短筒"), ("Tabi", "分趾")],
        variants: COLOURS,
        price: (9, 49),
        multiple: 0.45,
        pack: 24,
        shelf_life_days: None,
    },
];

/// `(name, lead time in days, chance that a delivery is late)`
pub type Supplier = (&'static str, i64, f64);

pub const SUPPLIERS: [Supplier; 10] = [
    ("Ningbo Bright Plastics", 5, 0.04),
    ("Shenzhen Volt Electronics", 4, 0.03),
    ("Wuyi Mountain Tea Growers", 7, 0.06),
    ("Yunnan Highland Foods", 9, 0.10),
    ("Suzhou Paper & Print", 3, 0.02),
    ("Jingdezhen Porcelain Works", 8, 0.06),
    ("Guangzhou Care Cosmetics", 6, 0.04),
    ("Yiwu Everyday Goods", 3, 0.03),
    ("Zhuji Knitwear", 5, 0.05),
    ("Yangzhou Soft Toys", 10, 0.08),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_names_for_several_hundred_items() {
        let names: usize = FAMILIES.iter().map(|f| f.styles.len() * f.variants.len()).sum();
        assert_eq!(names, 440);
    }

    #[test]
    fn every_family_has_suppliers() {
        assert!(FAMILIES.iter().all(|f| f.suppliers.iter().all(|&s| s < SUPPLIERS.len())));
    }
}
